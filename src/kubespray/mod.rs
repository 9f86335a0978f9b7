//! The kubespray that will deploy: what its checkout demands, and how an inventory fares by that. Reads the user's
//! checkout; the rest is pure.

mod demands;
mod revision;
mod survey;

pub use demands::{CheckoutError, Demands};
pub use revision::{Revision, commit};
pub use survey::{survey, variables};
