//! What a release of kubespray demands.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use thiserror::Error;

use crate::facts::Fact;
use crate::facts::kubespray::Kubespray;

/// What a release of kubespray demands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demands {
    /// As conditions see it.
    pub facts: Kubespray,
    /// What [`super::judged::JUDGED`]'s variables are where nobody sets them, by name: templated with the release's own
    /// defaults. Absent where the release has no such variable, unknown where hosts, groups or facts decide.
    pub defaults: BTreeMap<String, Fact<Value>>,
    /// Every name of a variable that the release defines or reads; none where the built-in table stands in.
    pub variables: Option<BTreeSet<String>>,
    /// What a variable may be, where its own asserts list it: `kube_network_plugin` → `calico` …
    pub choices: BTreeMap<String, Fact<Vec<String>>>,
    /// Variables that its own asserts want as booleans, no texts.
    pub booleans: Fact<Vec<String>>,
    /// Variables that this release does not read any more.
    pub gone: Vec<Gone>,
    /// The groups that may not be empty, by this release's names; `etcd` is among them unless kubeadm deploys it.
    pub groups: Fact<Vec<String>>,
}

/// A variable that was removed or renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Its name.
    pub name: String,
    /// The release without it: `2.29`.
    pub since: String,
    /// Its new name; none where there is no successor.
    pub instead: Option<String>,
    /// Where that is written: a file of the checkout, or a URL.
    pub source: String,
}

/// Why a folder could not be read as a checkout.
#[derive(Debug, Error)]
#[error("{}: {reason}", path.display())]
pub struct CheckoutError {
    /// The folder or the file within.
    pub path: PathBuf,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl Demands {
    /// Reads a checkout.
    ///
    /// # Errors
    /// When the folder is none.
    pub fn of_checkout(folder: &Path) -> Result<Demands, CheckoutError> {
        match folder.join("cluster.yml").is_file() {
            true => Ok(Demands::default()),
            false => {
                let reason =
                    "it holds no cluster.yml, so it is no checkout of kubespray; name its top folder"
                        .to_owned();
                Err(CheckoutError { path: folder.to_owned(), reason })
            }
        }
    }
}
