//! Builds the one script, runs it on a host, frames the answer into a transcript.
