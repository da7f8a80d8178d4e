//! A provider as a file wants it, and what it is made with.

use std::fmt;
use std::sync::Arc;

use rustls::ClientConfig;

use crate::speech::Speech;

/// What providers are made with, once for the process: connections are shared.
#[derive(Clone, Debug, Default)]
pub struct Kit {
    /// For requests.
    pub http: reqwest::Client,
    /// The models of this machine, where they are loaded.
    pub speech: Option<Speech>,
    /// For WebSockets; without it those of the machine are trusted.
    pub tls: Option<Arc<ClientConfig>>,
}

/// A provider as a file wants it, not made yet.
pub struct Plan<T: ?Sized> {
    /// Its name.
    pub provider: &'static str,
    /// Where it sends what callers say, each with the key that names it in the file.
    pub addresses: Vec<(String, String)>,
    make: Arc<Make<T>>,
}

/// Makes a provider.
type Make<T> = dyn Fn(&Kit) -> Arc<T> + Send + Sync;

impl<T: ?Sized> Plan<T> {
    /// A provider that talks to nobody.
    pub fn new(
        provider: &'static str,
        make: impl Fn(&Kit) -> Arc<T> + Send + Sync + 'static,
    ) -> Self {
        Self {
            provider,
            addresses: Vec::new(),
            make: Arc::new(make),
        }
    }

    /// A provider that talks to this address, which stands under this key of the file.
    pub fn at(mut self, key: impl Into<String>, url: impl Into<String>) -> Self {
        self.addresses.push((key.into(), url.into()));
        self
    }

    /// The provider itself.
    pub fn make(&self, kit: &Kit) -> Arc<T> {
        (self.make)(kit)
    }
}

impl<T: ?Sized> Clone for Plan<T> {
    fn clone(&self) -> Self {
        Self {
            provider: self.provider,
            addresses: self.addresses.clone(),
            make: Arc::clone(&self.make),
        }
    }
}

impl<T: ?Sized> fmt::Debug for Plan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Plan").field(&self.provider).finish()
    }
}
