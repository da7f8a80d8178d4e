//! A server that keeps what it is asked and answers what it was told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use prost::Message;
use tempfile::TempDir;

use crate::desk::{Said, at, said};
use crate::http::{Answer, Asked, serve};

#[derive(Debug, Default)]
struct Book {
    /// Status and body by RPC.
    answers: BTreeMap<String, (u16, Vec<u8>)>,
    /// Bodies by RPC, in order.
    asked: BTreeMap<String, Vec<Vec<u8>>>,
}

impl Book {
    fn answer(&mut self, Asked { rpc, body, .. }: Asked) -> Answer {
        let told = self.answers.get(&rpc).cloned();
        self.asked.entry(rpc).or_default().push(body);
        let unknown = (404, br#"{"code":"bad_route","msg":"unknown"}"#.to_vec());
        let (status, body) = told.unwrap_or(unknown);
        Answer::new(status, body)
    }
}

/// The stub and an empty home to call it from.
pub(crate) struct Stub {
    addr: String,
    book: Arc<Mutex<Book>>,
    home: TempDir,
}

impl Stub {
    pub(crate) fn start() -> Self {
        let book = Arc::new(Mutex::new(Book::default()));
        let shared = Arc::clone(&book);
        let addr = serve(move |asked| shared.lock().unwrap().answer(asked));
        let home = tempfile::tempdir().unwrap();
        Self { addr, book, home }
    }

    pub(crate) fn answers(&self, rpc: &str, answer: &impl Message) {
        let body = answer.encode_to_vec();
        let mut book = self.book.lock().unwrap();
        book.answers.insert(rpc.to_owned(), (200, body));
    }

    pub(crate) fn refuses(&self, rpc: &str, status: u16, body: &str) {
        let body = body.as_bytes().to_vec();
        let mut book = self.book.lock().unwrap();
        book.answers.insert(rpc.to_owned(), (status, body));
    }

    /// The last request of an RPC.
    pub(crate) fn asked<M: Message + Default>(&self, rpc: &str) -> M {
        let book = self.book.lock().unwrap();
        let bodies = book.asked.get(rpc);
        let body = bodies.and_then(|bodies| bodies.last());
        M::decode(body.expect("it was asked").as_slice()).unwrap()
    }

    /// Runs a verb against the stub.
    pub(crate) fn say(&self, args: &[&str]) -> Said {
        let mut command = at(self.home.path(), args);
        let url = format!("http://{}", self.addr);
        said(command.args(["--url", &url, "--dev"]))
    }
}
