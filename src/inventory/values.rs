//! What variables come to for each host, with a role's own defaults beneath the inventory.

use serde_json::{Map, Value};

use super::load::Inventory;
use super::template::{Scene, Unresolved, resolve};
use super::variables::Layer;

/// Defaults that count where the inventory says nothing.
#[derive(Clone, Debug)]
pub struct Defaults(Layer);

impl Defaults {
    /// Values as a role writes them, or templated already; `origin` is what a reason names them by.
    pub fn new(origin: impl Into<String>, values: Map<String, Value>) -> Defaults {
        Defaults(Layer::new(origin.into(), values))
    }
}

/// The variables of every host, as Ansible would use them.
pub struct Values<'i> {
    scene: Scene<'i>,
}

impl<'i> Values<'i> {
    /// A host's variable: templated and decrypted; `None` where nothing sets it. Passwords are in clear.
    ///
    /// # Errors
    /// When its value cannot be known, and why.
    pub fn of(&self, host: &str, name: &str) -> Result<Option<Value>, Unresolved> {
        resolve(&self.scene, host, name)
    }

    /// What the inventory itself writes for a host, templates as text, and the layer it stands in.
    pub fn written(&self, host: &str, name: &str) -> Option<(&'i Value, &'i Layer)> {
        self.scene.written(host, name)
    }
}

impl Inventory {
    /// The variables of every host, with `defaults` beneath them.
    pub fn values<'i>(&'i self, defaults: &'i Defaults) -> Values<'i> {
        Values { scene: Scene::new(&self.layers, &self.groups, &self.context).above(&defaults.0) }
    }

    /// Every place that gives variables to any host, each once.
    pub fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.layers.iter()
    }
}
