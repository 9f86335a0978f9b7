//! The kubespray that will deploy: what its checkout demands, and how an inventory fares by that. Reads the user's
//! checkout; the rest is pure.

mod demands;
mod survey;

pub use demands::{CheckoutError, Demands, Gone};
pub use survey::{Survey, survey};
