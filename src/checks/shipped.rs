//! The checks and profiles that ship with the program; `build.rs` embeds them.

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// What a check that ships says, without the examples: they stand last, are for its tests, and make up two fifths of the text.
pub fn without_examples(text: &str) -> &str {
    text.find("\nexamples:").map_or(text, |at| &text[..=at])
}
