//! What variables come to for each host, with a role's own defaults beneath the inventory.

use serde_json::{Map, Value};

use super::load::Inventory;
use super::role_vars::RoleVars;
use super::template::{GatheredFacts, HostFact, NotRendered, Scene, Unresolved, render, resolve};
use super::variables::Layer;

/// What counts where the inventory says nothing.
#[derive(Clone, Debug)]
pub enum Defaults<'d> {
    /// As roles write them: their templates see the inventory.
    Roles(&'d RoleVars),
    /// Templated already.
    Plain(Box<Layer>),
}

impl Defaults<'_> {
    /// Values that are templated already; `origin` is what a reason names them by.
    pub fn plain(origin: impl Into<String>, values: Map<String, Value>) -> Self {
        Defaults::Plain(Box::new(Layer::new(origin.into(), values)))
    }

    fn layers(&self) -> Vec<&Layer> {
        match self {
            Defaults::Roles(roles) => roles.layers().collect(),
            Defaults::Plain(layer) => vec![layer],
        }
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

    /// A text that is no variable's, templated with the variables of a host.
    ///
    /// # Errors
    /// When it depends on what cannot be known.
    pub fn render(&self, host: &str, text: &str) -> Result<Value, NotRendered> {
        render(&self.scene, host, text)
    }

    /// The same values where these facts of hosts are known: what Ansible gathers before templates are used.
    #[must_use]
    pub fn with_facts(self, facts: &'i GatheredFacts) -> Self {
        Values { scene: self.scene.with_facts(facts) }
    }

    /// What `evaluate` gives while a fact that was not read is taken to have this value.
    pub fn assuming<T>(&self, fact: &HostFact, value: Value, evaluate: impl FnOnce() -> T) -> T {
        self.scene.assume(fact.clone(), value);
        let result = evaluate();
        self.scene.stop_assuming();
        result
    }

    /// What the inventory itself writes for a host, templates as text, and the layer it stands in.
    pub fn written(&self, host: &str, name: &str) -> Option<(&'i Value, &'i Layer)> {
        self.scene.written(host, name)
    }
}

impl Inventory {
    /// The variables of every host, with `defaults` beneath them.
    pub fn values<'i>(&'i self, defaults: &'i Defaults<'i>) -> Values<'i> {
        Values { scene: Scene::new(&self.layers, &self.groups, &self.context).above(defaults.layers()) }
    }

    /// Every place that gives variables to any host, each once.
    pub fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.layers.iter()
    }
}
