//! Reads NVML of the machine it runs on.
//!
//! NVML speaks to its own machine only, so this room is in two places: in the small helper that is brought to GPU hosts
//! (`airworthy-nvml`), and in airworthy itself for the machine it runs on. Safe Rust over nvml-wrapper; a library that is
//! missing, of another version, or that does not come back is a document too.

mod ask;
mod board;
mod gpu;
mod read;

pub use read::{CALL, TOTAL, read};
