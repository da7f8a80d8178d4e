//! A server that keeps what it is asked and answers what it was told to.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use prost::Message;
use tempfile::TempDir;

use crate::desk::{Said, at, said};

#[derive(Debug, Default)]
struct Book {
    /// Status and body by RPC.
    answers: BTreeMap<String, (u16, Vec<u8>)>,
    /// Bodies by RPC, in order.
    asked: BTreeMap<String, Vec<Vec<u8>>>,
}

/// The stub and an empty home to call it from.
pub(crate) struct Stub {
    addr: String,
    book: Arc<Mutex<Book>>,
    home: TempDir,
}

impl Stub {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let book = Arc::new(Mutex::new(Book::default()));
        let shared = Arc::clone(&book);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let book = Arc::clone(&shared);
                std::thread::spawn(move || serve(&stream, &book));
            }
        });
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

fn serve(mut stream: &TcpStream, book: &Mutex<Book>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let path = first.split(' ').nth(1).unwrap_or_default();
        let rpc = path.trim_start_matches("/twirp/livekit.").to_owned();
        let (status, answer) = {
            let mut book = book.lock().unwrap();
            book.asked.entry(rpc.clone()).or_default().push(body);
            let unknown = (404, br#"{"code":"bad_route","msg":"unknown"}"#.to_vec());
            book.answers.get(&rpc).cloned().unwrap_or(unknown)
        };
        let kind = if status == 200 {
            "application/protobuf"
        } else {
            "application/json"
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        let sent = stream.write_all(head.as_bytes());
        if sent.and_then(|()| stream.write_all(&answer)).is_err() {
            return;
        }
    }
}
