//! A DNS server of one provider, on loopback: records as bytes, and nothing else answered.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// A server with these records; it ends when it is dropped.
pub(crate) struct Dns {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

/// A record: its name, type and data.
struct Record(String, u16, Vec<u8>);

const A: u16 = 1;
const SRV: u16 = 33;

/// The name that every server of the provider has its calls for.
pub(crate) const PROVIDER: &str = "provider.test";

impl Dns {
    /// `provider.test`, whose servers of a service listen on these ports of this machine, the first
    /// one first. The service is one of `_sip._udp`, `_sip._tcp`, `_sips._tcp`.
    pub(crate) async fn of(service: &str, ports: &[u16]) -> Self {
        let mut records = Vec::new();
        for (priority, port) in (1_u16..).zip(ports) {
            let host = format!("s{priority}.{PROVIDER}");
            let mut data = priority.to_be_bytes().to_vec();
            data.extend(0_u16.to_be_bytes());
            data.extend(port.to_be_bytes());
            data.extend(name(&host));
            records.push(Record(format!("{service}.{PROVIDER}"), SRV, data));
            records.push(Record(host, A, vec![127, 0, 0, 1]));
        }
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let records = Arc::new(records);
        #[expect(clippy::disallowed_methods, reason = "ended with its server")]
        let task = tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let answer = answer(&records, &buffer[..length]);
                socket.send_to(&answer, from).await.unwrap();
            }
        });
        Self { address, task }
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// The question's name and type, and where it ends.
fn question(request: &[u8]) -> (String, u16, usize) {
    let (mut labels, mut at) = (Vec::new(), 12);
    while request[at] != 0 {
        let length = usize::from(request[at]);
        let label = &request[at + 1..at + 1 + length];
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        at += 1 + length;
    }
    let kind = u16::from_be_bytes([request[at + 1], request[at + 2]]);
    (labels.join("."), kind, at + 5)
}

fn answer(records: &[Record], request: &[u8]) -> Vec<u8> {
    let (asked, kind, end) = question(request);
    let found = records.iter().filter(|one| one.0 == asked && one.1 == kind);
    let found: Vec<&Record> = found.collect();
    let is_known = asked == PROVIDER || records.iter().any(|one| one.0 == asked);
    let mut bytes = request[..2].to_vec();
    // An answer with authority; 3: there is no such name.
    bytes.extend([0x85, if is_known { 0x80 } else { 0x83 }]);
    bytes.extend(1_u16.to_be_bytes());
    bytes.extend(u16::try_from(found.len()).unwrap().to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(&request[12..end]);
    for record in found {
        // The name of the question, class IN, a minute.
        bytes.extend([0xc0, 12]);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1, 0, 0, 0, 60]);
        bytes.extend(u16::try_from(record.2.len()).unwrap().to_be_bytes());
        bytes.extend(&record.2);
    }
    bytes
}
