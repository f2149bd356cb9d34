//! What can be wrong with a model's folder.

use std::io;
use std::path::PathBuf;

use safetensors::SafeTensorError;

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalModelProblem {
    /// There is no such file, or no such folder.
    #[error("there is no {}", file.display())]
    Missing {
        /// Which one.
        file: PathBuf,
    },
    /// The operating system does not let us read it.
    #[error("cannot read {}", file.display())]
    Unreadable {
        /// Which one.
        file: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// A folder, a pipe or a device is where a file should be.
    #[error("{} is not a file", file.display())]
    NotAFile {
        /// Which one.
        file: PathBuf,
    },
    /// It is larger than such a file may be.
    #[error("{} is larger than {most} bytes", file.display())]
    TooLarge {
        /// Which one.
        file: PathBuf,
        /// The most that is read.
        most: u64,
    },
    /// It is not JSON, or not of the expected form.
    #[error("{} is not JSON of the expected form", file.display())]
    Json {
        /// Which one.
        file: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// It asks for something that is not known here, or contradicts itself.
    #[error("{} cannot be followed: {what}", file.display())]
    Unsupported {
        /// Which one.
        file: PathBuf,
        /// What it is about.
        what: &'static str,
    },
    /// The words of the model are not a vocabulary.
    #[error("the vocabulary in {} cannot be used: {what}", file.display())]
    Vocabulary {
        /// Which one.
        file: PathBuf,
        /// What it is about.
        what: &'static str,
    },
    /// The weights are not in the safetensors format, or are cut off.
    #[error("{} is not a whole safetensors file", file.display())]
    Weights {
        /// Which one.
        file: PathBuf,
        /// Where and why.
        source: SafeTensorError,
    },
    /// The header of the weights says that it is longer than a header is.
    #[error("the header of {} is longer than {most} bytes", file.display())]
    Header {
        /// Which one.
        file: PathBuf,
        /// The most that is read.
        most: u64,
    },
    /// One of the tensors is not as the configuration says.
    #[error("the tensor {tensor} in {} {problem}", file.display())]
    Tensor {
        /// Which file.
        file: PathBuf,
        /// Which tensor.
        tensor: String,
        /// What it is about.
        problem: TensorProblem,
    },
}

/// What is wrong with a tensor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TensorProblem {
    /// It is not there.
    #[error("is missing")]
    Missing,
    /// It has other dimensions.
    #[error("has the shape {found:?} instead of {expected:?}")]
    Shape {
        /// As the configuration says.
        expected: Vec<usize>,
        /// As the file says.
        found: Vec<usize>,
    },
    /// It is not a matrix, or an empty one.
    #[error("is not a matrix with numbers in it")]
    NotAMatrix,
    /// Its numbers are of a kind that is not known here.
    #[error("is not of F32, F16 or BF16 numbers")]
    Type,
    /// One of its numbers is none, or infinite.
    #[error("has a number that is not finite")]
    NotFinite,
}
