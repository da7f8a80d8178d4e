//! `sip outbound list | create | update | delete`.

use clap::{Args, Subcommand, ValueEnum};
use livekit_protocol as proto;
use livekit_protocol::SipTransport;
use livekit_protocol::update_sip_outbound_trunk_request::Action;
use trunkline_client::api::table;

use super::media::{Media, word};
use super::shared::{
    Ids, Login, create_each, delete_trunks, headers, id_of, list, list_update, login, made,
    one_file,
};
use crate::failure::Failure;
use crate::global::Global;
use crate::output;
use crate::request;
use crate::server::Server;
use crate::verbs::trunk;

#[derive(Debug, Subcommand)]
pub(crate) enum Outbound {
    /// List the outbound trunks
    #[command(after_help = "Example:\n  trunkline sip outbound list")]
    List,
    /// Create outbound trunks
    #[command(
        after_help = "Examples:\n  trunkline sip outbound create --name provider --address sip.example.com --numbers +15105550100 --auth-user me\n  trunkline sip outbound create trunk.json"
    )]
    Create(Create),
    /// Change an outbound trunk by flags, or replace it by a JSON file
    #[command(after_help = "Example:\n  trunkline sip outbound update --id ST_abc --transport tcp")]
    Update(Update),
    /// Delete trunks
    #[command(after_help = "Example:\n  trunkline sip outbound delete ST_abc --yes")]
    Delete(Ids),
}

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    /// As the server finds best
    #[value(alias = "SIP_TRANSPORT_AUTO")]
    Auto,
    /// UDP
    #[value(alias = "SIP_TRANSPORT_UDP")]
    Udp,
    /// TCP
    #[value(alias = "SIP_TRANSPORT_TCP")]
    Tcp,
    /// TLS
    #[value(alias = "SIP_TRANSPORT_TLS")]
    Tls,
}

impl Transport {
    fn wire(self) -> i32 {
        match self {
            Self::Auto => SipTransport::Auto.into(),
            Self::Udp => SipTransport::Udp.into(),
            Self::Tcp => SipTransport::Tcp.into(),
            Self::Tls => SipTransport::Tls.into(),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Fields {
    /// The trunk's name
    #[arg(long)]
    name: Option<String>,
    /// Where calls go
    #[arg(long, value_name = "HOST")]
    address: Option<String>,
    /// How messages travel
    #[arg(long, value_enum, ignore_case = true)]
    transport: Option<Transport>,
    /// The country that is called, in two letters
    #[arg(long, value_name = "COUNTRY")]
    destination_country: Option<String>,
    /// The numbers it calls from
    #[arg(long, value_name = "NUMBER", value_delimiter = ',')]
    numbers: Option<Vec<String>>,
    #[command(flatten)]
    login: Login,
    #[command(flatten)]
    media: Media,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    #[command(flatten)]
    fields: Fields,
    /// CreateSIPOutboundTrunkRequest as JSON: files, - for standard input, or itself
    #[arg(value_name = "JSON")]
    files: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// The trunk
    #[arg(long)]
    id: Option<String>,
    #[command(flatten)]
    fields: Fields,
    /// SIPOutboundTrunkInfo as JSON, which replaces the trunk
    #[arg(value_name = "JSON")]
    files: Vec<String>,
}

pub(super) async fn run(verb: Outbound, global: &Global) -> Result<(), Failure> {
    match verb {
        Outbound::List => show(&Server::open(global)?).await,
        Outbound::Create(typed) => create(typed, global).await,
        Outbound::Update(typed) => update(typed, global).await,
        Outbound::Delete(ids) => delete_trunks(ids.ids, &Server::open(global)?).await,
    }
}

async fn show(server: &Server<'_>) -> Result<(), Failure> {
    let Some(trunks) = trunk::all(server).await? else {
        return Ok(());
    };
    let list = output::List {
        key: "items",
        header: &[
            "SipTrunkID",
            "Name",
            "Address",
            "Transport",
            "Numbers",
            "Authentication",
            "Encryption",
            "Headers",
            "Metadata",
        ],
        empty: "there is no outbound trunk",
    };
    list.show(server.global().json, &trunks, row);
    Ok(())
}

#[expect(deprecated, reason = "servers tell the encryption in either field")]
fn row(trunk: &proto::SipOutboundTrunkInfo) -> Vec<String> {
    let transport = trunk.transport().as_str_name();
    let transport = transport.trim_start_matches("SIP_TRANSPORT_");
    let media = trunk.media.as_ref().and_then(|media| media.encryption);
    vec![
        trunk.sip_trunk_id.clone(),
        trunk.name.clone(),
        trunk.address.clone(),
        transport.to_owned(),
        trunk.numbers.join(","),
        login(&trunk.auth_username, &trunk.auth_password),
        word(media.unwrap_or(trunk.media_encryption)).to_owned(),
        headers(&[&trunk.headers, &trunk.headers_to_attributes]),
        trunk.metadata.clone(),
    ]
}

async fn create(typed: Create, global: &Global) -> Result<(), Failure> {
    let put = |request: &mut proto::CreateSipOutboundTrunkRequest| {
        typed.fields.put(request.trunk.get_or_insert_default())
    };
    let rpc = &table::CREATE_SIP_OUTBOUND_TRUNK;
    let trunks = create_each(&typed.files, rpc, put, global).await?;
    made(&trunks, trunk_id, "SIPTrunkID:", global);
    Ok(())
}

fn trunk_id(trunk: &proto::SipOutboundTrunkInfo) -> String {
    trunk.sip_trunk_id.clone()
}

async fn update(typed: Update, global: &Global) -> Result<(), Failure> {
    let (id, action) = if let Some(file) = one_file(&typed.files)? {
        let mut trunk: proto::SipOutboundTrunkInfo = request::read(file)?;
        let id = id_of(typed.id, std::mem::take(&mut trunk.sip_trunk_id))?;
        typed.fields.put(&mut trunk)?;
        (id, Action::Replace(trunk))
    } else {
        let id = id_of(typed.id, String::new())?;
        (id, Action::Update(typed.fields.into_update()?))
    };
    let request = proto::UpdateSipOutboundTrunkRequest {
        sip_trunk_id: id,
        action: Some(action),
    };
    let server = Server::open(global)?;
    let call = server.call(&table::UPDATE_SIP_OUTBOUND_TRUNK, request);
    let trunks = Vec::from_iter(call.await?);
    made(&trunks, trunk_id, "SIPTrunkID:", global);
    Ok(())
}

impl Fields {
    /// What was typed, on top of what is there.
    #[expect(
        deprecated,
        reason = "servers before the media setting read the old field"
    )]
    fn put(&self, trunk: &mut proto::SipOutboundTrunkInfo) -> Result<(), Failure> {
        if let Some(name) = &self.name {
            trunk.name.clone_from(name);
        }
        if let Some(numbers) = list(self.numbers.clone()) {
            trunk.numbers = numbers;
        }
        if let Some(address) = &self.address {
            trunk.address.clone_from(address);
        }
        if let Some(transport) = self.transport {
            trunk.transport = transport.wire();
        }
        if let Some(country) = &self.destination_country {
            trunk.destination_country.clone_from(country);
        }
        if let Some(user) = &self.login.auth_user {
            trunk.auth_username.clone_from(user);
        }
        if let Some(pass) = &self.login.auth_pass {
            trunk.auth_password.clone_from(pass);
        }
        self.login
            .whole(&trunk.auth_username, &trunk.auth_password)?;
        if let Some(media) = self.media.config()? {
            trunk.media = Some(media);
        }
        if let Some(encryption) = self.media.encryption() {
            trunk.media_encryption = encryption;
        }
        Ok(())
    }

    #[expect(
        deprecated,
        reason = "servers before the media setting read the old field"
    )]
    fn into_update(self) -> Result<proto::SipOutboundTrunkUpdate, Failure> {
        Ok(proto::SipOutboundTrunkUpdate {
            media: self.media.config()?,
            media_encryption: self.media.encryption(),
            numbers: list_update(self.numbers),
            address: self.address,
            transport: self.transport.map(Transport::wire),
            destination_country: self.destination_country,
            auth_username: self.login.auth_user,
            auth_password: self.login.auth_pass,
            name: self.name,
            ..proto::SipOutboundTrunkUpdate::default()
        })
    }
}
