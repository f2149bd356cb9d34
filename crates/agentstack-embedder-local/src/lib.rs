//! An embedder that needs no service: a model in a folder of the operator's, computed on the processor.
//!
//! [`LocalModel`] is an [`Embedder`](agentstack_providers::Embedder). It knows two kinds of model: BERT models as
//! sentence-transformers keeps them (`all-MiniLM-L6-v2` and its like), and static ones as model2vec keeps them.
//!
//! **Invariant:** it opens no connection and writes no file. What is in the folder is not believed: each file has a
//! most, each tensor its shape, each number is finite, and what does not fit is a [`LocalModelProblem`] with the file's
//! name before anything is embedded.
//!
//! **Invariant:** the name of a model changes with every file that its vectors depend on, so vectors of different models
//! never look as if they were of one (S41).

mod local;

mod model;

mod bert;
mod fixed;
mod sentence;

mod tokenizer;

mod folder;
mod problem;
mod weights;

pub use local::LocalModel;
pub use model::Description;
pub use problem::{LocalModelProblem, TensorProblem};
