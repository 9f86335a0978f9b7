//! Why an answer could not be taken in.

use thiserror::Error;

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// No line of ours in it.
    #[error("the host answered, but not our script: {0}")]
    NotOurs(String),
    /// Our first line makes no sense.
    #[error("the answer's first line is damaged: {0}")]
    Header(String),
    /// The script could not work there.
    #[error("the script could not work: {0}")]
    Refused(String),
    /// No end mark: it was cut or killed.
    #[error("the answer was cut off: its end mark is missing")]
    Cut,
    /// It holds the boundary where the script did not write it.
    #[error(
        "the answer is not believed: something on the host repeats or forges the marks between its sections"
    )]
    Forged,
    /// More than a host may say.
    #[error("the answer is larger than {0} MiB")]
    TooLarge(usize),
}
