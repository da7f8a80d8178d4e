//! What the verbs of SIP as code work with: the file, a server, and what was written there before.

use trunkline_store::Store;

use crate::failure::Failure;
use crate::global::Global;
use crate::server::Server as Called;
use crate::settings::{Server, Settings};
use crate::sip::apply::look;
use crate::sip::book::Book;
use crate::sip::plan::{Plan, There, Wanted, Written};
use crate::verbs::settings;
use crate::wiring::open_store;

/// A server, and what is known of it.
pub(super) struct Desk<'a> {
    pub(super) server: Called<'a>,
    pub(super) settings: Settings,
    store: Option<Store>,
}

impl<'a> Desk<'a> {
    /// Without a store that is there already, nothing is known of what was written.
    pub(super) async fn open(global: &'a Global) -> Result<Self, Failure> {
        let server = Called::open_for_several(global)?;
        let settings = settings(global)?;
        let path = &settings.livekit.store;
        let store = if path.exists() {
            Some(open_store(path).await?)
        } else {
            None
        };
        Ok(Self {
            server,
            settings,
            store,
        })
    }

    /// The book, in a store that is made if need be.
    pub(super) async fn book(&mut self) -> Result<Book, Failure> {
        let store = match &self.store {
            Some(store) => store.clone(),
            None => open_store(&self.settings.livekit.store).await?,
        };
        self.store = Some(store.clone());
        Ok(self.book_in(&store))
    }

    fn book_in(&self, store: &Store) -> Book {
        let url = self.server.url();
        let livekit = &self.settings.livekit;
        if livekit.server == Server::Embedded && same(url, &livekit.url) {
            Book::of_node(store)
        } else {
            Book::of_server(store, url)
        }
    }

    pub(super) async fn written(&self) -> Written {
        match &self.store {
            Some(store) => self.book_in(store).written().await,
            None => Written::default(),
        }
    }

    pub(super) async fn there(&self) -> Result<There, Failure> {
        let looked = look(self.server.api()).await;
        looked.map_err(|error| self.server.explain(error))
    }

    /// What the file would change.
    pub(super) fn plan(&self, there: There, written: &Written) -> Plan {
        Plan::make(&Wanted::from(&self.settings.sip_setup), there, written)
    }
}

/// Whether two addresses name the same port, whatever is spoken there.
fn same(one: &str, other: &str) -> bool {
    fn bare(url: &str) -> &str {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        rest.trim_end_matches('/')
    }
    bare(one).replace("localhost", "127.0.0.1") == bare(other).replace("localhost", "127.0.0.1")
}
