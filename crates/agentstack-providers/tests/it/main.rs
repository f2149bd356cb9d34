//! What is sent to each provider, what becomes of its answers, and what is not connected to. No provider is asked: a
//! server of the tests' own speaks what each of them documents.

#[cfg(test)]
mod anthropic;
#[cfg(test)]
mod egress;
#[cfg(test)]
mod fetch;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod ollama;
#[cfg(test)]
mod openai;
#[cfg(test)]
mod retries;
#[cfg(test)]
mod scripted;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod server;
#[cfg(test)]
mod world;
