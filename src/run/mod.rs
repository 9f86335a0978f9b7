//! The pipeline of each command; the only user of threads and progress.
