//! What is secret in a text or a value, and what is shown in its place: the one list for reports, facts, diffs, messages and
//! diagnostics. Names no other module.
//!
//! A secret is known by its **name** ([`is_secret_name`]: `api-key`, `ansible_password`), by its **form** (a URL or an address
//! with a password, a private key, a bearer token, a vault text), or by its **origin** ([`remember`]: what was decrypted, typed
//! at a prompt, or given as a password variable is secret wherever it shows).
//!
//! [`value`] and [`text`] judge by all three, and are for what comes from an inventory, a host or a configuration file.
//! [`shown`] judges by form and origin alone, and is for everything that is written: sentences of our own name passwords too.

mod form;
mod known;
mod name;
mod settings;
mod span;
mod value;

use std::borrow::Cow;

pub use known::{holds_known, publish, publish_texts, remember, remember_all, remember_named};
pub use name::is_secret_name;
pub use value::value;

use span::Spans;

/// What stands for a secret.
pub const STARS: &str = "********";

/// What is said in place of a value that ansible-vault encrypted. A fact whose source says so has such a value, whatever
/// that is: `calico` cannot be told by its letters.
pub const ENCRYPTED: &str = "(encrypted)";

/// A text of our own or of anybody's as it may be written: without what is secret by its form or its origin.
pub fn shown(text: &str) -> Cow<'_, str> {
    match is_suspicious(text) {
        true => of_form_and_origin(text).replaced(text),
        false => Cow::Borrowed(text),
    }
}

/// Whether [`shown`] may change a text; much quicker than that.
pub fn is_suspicious(text: &str) -> bool {
    form::may_be_in(text) || known::is_in(text)
}

/// A text that comes from a host, an inventory or a configuration file: also without the values of settings within it whose
/// names are those of secrets (`password: …`, `--token=…`).
pub fn text(text: &str) -> Cow<'_, str> {
    if !is_suspicious(text) && !settings::may_be_in(text) {
        return Cow::Borrowed(text);
    }
    let mut spans = of_form_and_origin(text);
    settings::find(text, &mut spans);
    spans.replaced(text)
}

/// The same, as long as it was, byte for byte, so that places in it still fit. In a file that cannot be parsed all that
/// follows the name of a secret is hidden, to the end of its line.
pub fn of_same_length(text: &str) -> String {
    let mut spans = of_form_and_origin(text);
    settings::find(text, &mut spans);
    settings::find_roughly(text, &mut spans);
    spans.covered(text)
}

/// What in a text is a URL or an address with a user or a password, if anything.
pub fn has_credentials(text: &str) -> bool {
    let mut spans = Spans::default();
    form::find_addresses(text, &mut spans);
    !spans.is_empty()
}

/// The first `most` bytes of a text, or a few less where a letter would be cut.
fn beginning(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn of_form_and_origin(text: &str) -> Spans {
    let mut spans = Spans::default();
    form::find(text, &mut spans);
    known::find(text, &mut spans);
    spans
}

#[cfg(test)]
mod tests;
