//! The proxy by which a host gets what it downloads.

use secrecy::SecretString;

/// The proxy by which a host gets what it downloads, as the inventory has it. Its URLs may hold passwords: they are told to
/// the host and to nobody else.
#[derive(Clone, Debug, Default)]
pub struct Proxy {
    /// `http_proxy`.
    pub http: Option<SecretString>,
    /// `https_proxy`.
    pub https: Option<SecretString>,
    /// `no_proxy`: who is asked without it.
    pub no: Option<SecretString>,
}
