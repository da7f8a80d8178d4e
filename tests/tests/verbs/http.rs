//! HTTP, as much of it as a stand-in for a server needs.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// What is asked.
pub(crate) struct Asked {
    /// Behind `/twirp/livekit.`, such as `SIP/ListSIPTrunk`.
    pub(crate) rpc: String,
    pub(crate) has_token: bool,
    pub(crate) body: Vec<u8>,
}

/// What is answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// When to come again.
    pub(crate) wait: Option<u32>,
}

impl Answer {
    pub(crate) const fn new(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            body,
            wait: None,
        }
    }
}

/// Answers whatever comes, on threads of its own; says at which address.
pub(crate) fn serve(answer: impl Fn(Asked) -> Answer + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || converse(&stream, answer));
        }
    });
    addr
}

/// Until somebody hangs up.
fn converse(stream: &TcpStream, answer: impl Fn(Asked) -> Answer) {
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read(&mut reader) {
        if write(stream, &answer(asked)).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Asked> {
    let first = line(reader)?;
    let (mut length, mut has_token) = (0, false);
    loop {
        let header = line(reader)?.trim().to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        has_token |= header.starts_with("authorization: bearer ");
        if header.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let path = first.split(' ').nth(1).unwrap_or_default();
    Some(Asked {
        rpc: path.trim_start_matches("/twirp/livekit.").to_owned(),
        has_token,
        body,
    })
}

fn line(reader: &mut BufReader<&TcpStream>) -> Option<String> {
    let mut line = String::new();
    let length = reader.read_line(&mut line).ok()?;
    (length > 0).then_some(line)
}

fn write(mut stream: &TcpStream, answer: &Answer) -> std::io::Result<()> {
    let Answer { status, body, wait } = answer;
    let kind = if *status == 200 {
        "application/protobuf"
    } else {
        "application/json"
    };
    let wait = wait.map(|seconds| format!("retry-after: {seconds}\r\n"));
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{}content-length: {}\r\n\r\n",
        wait.unwrap_or_default(),
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}
