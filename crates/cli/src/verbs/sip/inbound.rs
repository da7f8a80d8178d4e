//! `sip inbound list | create | update | delete`.

use clap::{Args, Subcommand};
use livekit_protocol as proto;
use livekit_protocol::update_sip_inbound_trunk_request::Action;
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

#[derive(Debug, Subcommand)]
pub(crate) enum Inbound {
    /// List the inbound trunks
    #[command(after_help = "Example:\n  trunkline sip inbound list")]
    List,
    /// Create inbound trunks
    #[command(
        after_help = "Examples:\n  trunkline sip inbound create --name office --numbers +15105550100\n  trunkline sip inbound create trunk.json"
    )]
    Create(Create),
    /// Change an inbound trunk by flags, or replace it by a JSON file
    #[command(
        after_help = "Example:\n  trunkline sip inbound update --id ST_abc --numbers +15105550100,+15105550101"
    )]
    Update(Update),
    /// Delete trunks
    #[command(after_help = "Example:\n  trunkline sip inbound delete ST_abc --yes")]
    Delete(Ids),
}

#[derive(Debug, Args)]
pub(crate) struct Fields {
    /// The trunk's name
    #[arg(long)]
    name: Option<String>,
    /// The numbers it is called by
    #[arg(long, value_name = "NUMBER", value_delimiter = ',')]
    numbers: Option<Vec<String>>,
    /// The numbers that may call
    #[arg(long, value_name = "NUMBER", value_delimiter = ',')]
    allowed_numbers: Option<Vec<String>>,
    /// The addresses or networks that calls may come from
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    allowed_addresses: Option<Vec<String>>,
    #[command(flatten)]
    login: Login,
    #[command(flatten)]
    media: Media,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    #[command(flatten)]
    fields: Fields,
    /// CreateSIPInboundTrunkRequest as JSON: files, - for standard input, or itself
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
    /// SIPInboundTrunkInfo as JSON, which replaces the trunk
    #[arg(value_name = "JSON")]
    files: Vec<String>,
}

pub(super) async fn run(verb: Inbound, global: &Global) -> Result<(), Failure> {
    match verb {
        Inbound::List => show(&Server::open(global)?).await,
        Inbound::Create(typed) => create(typed, global).await,
        Inbound::Update(typed) => update(typed, global).await,
        Inbound::Delete(ids) => delete_trunks(ids.ids, &Server::open(global)?).await,
    }
}

async fn show(server: &Server<'_>) -> Result<(), Failure> {
    let list = Box::pin(server.api().list_inbound_trunks());
    let listed = server.every(&table::LIST_SIP_INBOUND_TRUNK, list).await?;
    let Some(trunks) = listed else {
        return Ok(());
    };
    let list = output::List {
        key: "items",
        header: &[
            "SipTrunkID",
            "Name",
            "Numbers",
            "AllowedAddresses",
            "AllowedNumbers",
            "Authentication",
            "Encryption",
            "Headers",
            "Metadata",
        ],
        empty: "there is no inbound trunk",
    };
    list.show(server.global().json, &trunks, row);
    Ok(())
}

#[expect(deprecated, reason = "servers tell the encryption in either field")]
fn row(trunk: &proto::SipInboundTrunkInfo) -> Vec<String> {
    let media = trunk.media.as_ref().and_then(|media| media.encryption);
    vec![
        trunk.sip_trunk_id.clone(),
        trunk.name.clone(),
        trunk.numbers.join(","),
        trunk.allowed_addresses.join(","),
        trunk.allowed_numbers.join(","),
        login(&trunk.auth_username, &trunk.auth_password),
        word(media.unwrap_or(trunk.media_encryption)).to_owned(),
        headers(&[&trunk.headers, &trunk.headers_to_attributes]),
        trunk.metadata.clone(),
    ]
}

async fn create(typed: Create, global: &Global) -> Result<(), Failure> {
    let put = |request: &mut proto::CreateSipInboundTrunkRequest| {
        typed.fields.put(request.trunk.get_or_insert_default())
    };
    let rpc = &table::CREATE_SIP_INBOUND_TRUNK;
    let trunks = create_each(&typed.files, rpc, put, global).await?;
    made(&trunks, trunk_id, "SIPTrunkID:", global);
    Ok(())
}

fn trunk_id(trunk: &proto::SipInboundTrunkInfo) -> String {
    trunk.sip_trunk_id.clone()
}

async fn update(typed: Update, global: &Global) -> Result<(), Failure> {
    let (id, action) = if let Some(file) = one_file(&typed.files)? {
        let mut trunk: proto::SipInboundTrunkInfo = request::read(file)?;
        let id = id_of(typed.id, std::mem::take(&mut trunk.sip_trunk_id))?;
        typed.fields.put(&mut trunk)?;
        (id, Action::Replace(trunk))
    } else {
        let id = id_of(typed.id, String::new())?;
        (id, Action::Update(typed.fields.into_update()?))
    };
    let request = proto::UpdateSipInboundTrunkRequest {
        sip_trunk_id: id,
        action: Some(action),
    };
    let server = Server::open(global)?;
    let call = server.call(&table::UPDATE_SIP_INBOUND_TRUNK, request);
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
    fn put(&self, trunk: &mut proto::SipInboundTrunkInfo) -> Result<(), Failure> {
        if let Some(name) = &self.name {
            trunk.name.clone_from(name);
        }
        if let Some(numbers) = list(self.numbers.clone()) {
            trunk.numbers = numbers;
        }
        if let Some(numbers) = list(self.allowed_numbers.clone()) {
            trunk.allowed_numbers = numbers;
        }
        if let Some(addresses) = list(self.allowed_addresses.clone()) {
            trunk.allowed_addresses = addresses;
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
    fn into_update(self) -> Result<proto::SipInboundTrunkUpdate, Failure> {
        Ok(proto::SipInboundTrunkUpdate {
            media: self.media.config()?,
            media_encryption: self.media.encryption(),
            numbers: list_update(self.numbers),
            allowed_numbers: list_update(self.allowed_numbers),
            allowed_addresses: list_update(self.allowed_addresses),
            auth_username: self.login.auth_user,
            auth_password: self.login.auth_pass,
            name: self.name,
            ..proto::SipInboundTrunkUpdate::default()
        })
    }
}
