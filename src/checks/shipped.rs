//! The checks and profiles that ship with the program; `build.rs` embeds them.

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));
