//! Whether hosts get the helpers that their scripts ask for.

use std::borrow::Cow;
use std::sync::Arc;

use super::helpers::Helpers;

/// Whether a host gets the helpers that its script asks for.
#[derive(Clone, Debug)]
pub enum Supply {
    /// The script does not ask, and tells this reason; what stands in is asked.
    Never(Cow<'static, str>),
    /// It gets those that fit it; elsewhere what stands in is asked.
    Auto(Arc<Helpers>),
    /// It gets those that fit it, and nothing stands in.
    Always(Arc<Helpers>),
}

impl Default for Supply {
    fn default() -> Self {
        Supply::Never(Cow::Borrowed(
            "the script ran without airworthy at the other end, who brings the helper",
        ))
    }
}

impl Supply {
    /// Why the script does not ask.
    pub(super) fn refusal(&self) -> Option<&str> {
        match self {
            Supply::Never(reason) => Some(reason),
            Supply::Auto(_) | Supply::Always(_) => None,
        }
    }

    /// Whether nothing may stand in for a helper.
    pub(super) fn is_indispensable(&self) -> bool {
        matches!(self, Supply::Always(_))
    }

    /// Where helpers come from.
    pub(super) fn helpers(&self) -> Option<&Arc<Helpers>> {
        match self {
            Supply::Never(_) => None,
            Supply::Auto(helpers) | Supply::Always(helpers) => Some(helpers),
        }
    }
}
