//! The part of airworthy that its helper is made of.

#[path = "../src/facts"]
pub mod facts {
    //! The document alone.
    pub mod nvml;
    mod queried;
}
#[path = "../src/nvml/mod.rs"]
pub mod nvml;
