//! Every type that clap fills; only `main` and `run` name it.
