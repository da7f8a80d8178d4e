//! The rules of rotation, and the files that hold their outcome.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use trunkline_base::secret::Secret;
use trunkline_base::time::UnixTime;

use super::book::BookError;
use super::file::KeyFileError;
use super::*;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const DAY: Duration = Duration::from_secs(86_400);

fn book(ids: &[&str]) -> Book {
    let keys = ids
        .iter()
        .map(|id| ((*id).to_owned(), Secret::from("s".repeat(32))));
    Book::of(keys.collect(), Vec::new())
}

fn states(book: &Book) -> Vec<(&str, State)> {
    book.entries()
        .iter()
        .map(|entry| (entry.id.as_str(), entry.state))
        .collect()
}

#[test]
fn a_file_by_hand_signs_with_its_first_key_and_verifies_with_all() {
    let book = book(&["one", "two"]);
    assert_eq!(
        states(&book),
        [("one", State::Active), ("two", State::Pending)]
    );
    let ring = book.ring().unwrap();
    assert_eq!(ring.active().id(), "one");
    assert!(ring.find("two").is_some());
    assert!(Book::default().ring().is_none());
}

#[test]
fn the_one_before_verifies_until_its_last_token_has_expired() {
    let mut book = book(&["one"]);
    book.add("two", Secret::from("t"), NOW).unwrap();
    book.rotate("two", NOW, DAY).unwrap();
    assert_eq!(
        states(&book),
        [("one", State::Retiring), ("two", State::Active)]
    );
    let ring = book.ring().unwrap();
    assert!(ring.active().id() == "two" && ring.find("one").is_some());

    let early = book.retire("one", NOW.plus(DAY / 2), false).unwrap_err();
    assert!(
        early.to_string().contains("2027-01-16 08:00:00Z"),
        "{early}"
    );
    assert!(book.clone().retire("one", NOW.plus(DAY / 2), true).is_ok());
    book.retire("one", NOW.plus(DAY), false).unwrap();
    assert_eq!(
        states(&book),
        [("two", State::Active), ("one", State::Retired)]
    );
    assert!(book.ring().unwrap().find("one").is_none());
}

#[test]
fn the_way_back_is_a_rotation_too() {
    let mut book = book(&["one", "two"]);
    book.rotate("two", NOW, DAY).unwrap();
    book.rotate("one", NOW, DAY).unwrap();
    assert_eq!(
        states(&book),
        [("one", State::Active), ("two", State::Retiring)]
    );
}

#[test]
fn each_wrong_step_says_what_to_do() {
    let mut book = book(&["one", "two", "three"]);
    let said = |error: BookError| error.to_string();
    assert!(said(book.retire("one", NOW, true).unwrap_err()).contains("rotate to another"));
    assert!(said(book.rotate("one", NOW, DAY).unwrap_err()).contains("already"));
    assert!(said(book.rotate("x", NOW, DAY).unwrap_err()).contains("one, two, three"));
    assert!(said(book.pending().unwrap_err()).contains("two, three"));
    assert!(said(book.add("two", Secret::from("s"), NOW).unwrap_err()).contains("pending"));
    assert!(said(book.add("a b", Secret::from("s"), NOW).unwrap_err()).contains("no key id"));
    book.retire("three", NOW, false).unwrap();
    assert!(said(book.rotate("three", NOW, DAY).unwrap_err()).contains("secret is gone"));
}

fn kept() -> (tempfile::TempDir, KeyFile) {
    let dir = tempfile::tempdir().unwrap();
    let file = KeyFile::new(dir.path().join("keys.yaml"));
    (dir, file)
}

#[test]
fn changes_survive_in_two_files_of_which_one_has_no_secret() {
    let (dir, file) = kept();
    let first = vec![("APIone".to_owned(), Secret::from("first-secret"))];
    file.change(first, |book| book.add("APItwo", Secret::from("42"), NOW))
        .unwrap();
    file.change(Vec::new(), |book| book.rotate("APItwo", NOW, DAY))
        .unwrap();

    let text = fs::read_to_string(dir.path().join("keys.yaml")).unwrap();
    assert!(
        text.contains("APIone: first-secret\nAPItwo: \"42\"\n"),
        "{text}"
    );
    let state = fs::read_to_string(dir.path().join("keys.yaml.state")).unwrap();
    assert!(
        state.contains("APItwo") && !state.contains("first-secret"),
        "{state}"
    );
    let mode = fs::metadata(dir.path().join("keys.yaml"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    let book = file.load().unwrap();
    assert_eq!(
        states(&book),
        [("APIone", State::Retiring), ("APItwo", State::Active)]
    );
    file.change(Vec::new(), |book| book.retire("APIone", NOW, true))
        .unwrap();
    let text = fs::read_to_string(dir.path().join("keys.yaml")).unwrap();
    assert!(!text.contains("APIone"), "{text}");
    assert_eq!(states(&file.load().unwrap())[1], ("APIone", State::Retired));
}

#[test]
fn a_step_that_was_cut_short_harms_nothing() {
    let (dir, file) = kept();
    file.change(Vec::new(), |book| book.add("one", Secret::from("s1"), NOW))
        .unwrap();
    file.change(Vec::new(), |book| book.add("two", Secret::from("s2"), NOW))
        .unwrap();
    file.change(Vec::new(), |book| book.rotate("two", NOW, DAY))
        .unwrap();
    let keys = fs::read(dir.path().join("keys.yaml")).unwrap();
    file.change(Vec::new(), |book| book.retire("one", NOW, true))
        .unwrap();
    // As if the machine had stopped between the two files.
    fs::write(dir.path().join("keys.yaml"), keys).unwrap();
    assert!(file.load().unwrap().ring().unwrap().find("one").is_none());
    // And without the state file the key file alone is enough.
    fs::remove_file(dir.path().join("keys.yaml.state")).unwrap();
    assert!(file.load().unwrap().ring().unwrap().find("two").is_some());
}

#[test]
fn the_owners_comments_and_a_groups_right_to_read_stay() {
    let (dir, file) = kept();
    let path = dir.path().join("keys.yaml");
    fs::write(
        &path,
        "# of the night shift\none: \"0123456789abcdef0123456789abcdef\"\n",
    )
    .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    file.change(Vec::new(), |book| book.add("two", Secret::from("s"), NOW))
        .unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("# of the night shift\none: "), "{text}");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o640
    );
}

#[test]
fn a_bad_file_is_refused_without_quoting_it() {
    let (dir, file) = kept();
    let path = dir.path().join("keys.yaml");
    assert!(matches!(file.load(), Err(KeyFileError::Missing { .. })));
    let cases = [
        ("one: [hush-hush]\n", "not a map of key ids"),
        ("hush-hush\n", "not a map of key ids"),
        ("one: hush-hush\none: hush-hush\n", "not a map of key ids"),
        ("one: \"\"\n", "an empty secret"),
        ("# nothing\n", "holds no key"),
        ("devkey: secret\n", "that everybody knows"),
    ];
    for (text, wanted) in cases {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let said = file.load().unwrap_err().to_string();
        assert!(said.contains(wanted), "{text:?}: {said}");
        assert!(!said.contains("hush-hush"), "{said}");
    }
    fs::write(&path, "one: hush-hush\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
    let said = file.load().unwrap_err().to_string();
    assert!(said.contains("chmod 600") && said.contains("604"), "{said}");
}

#[test]
fn keys_of_a_variable_keep_their_order() {
    let keys = read_map("APIb: one\nAPIa: two\n").unwrap();
    let ids: Vec<&str> = keys.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["APIb", "APIa"]);
    assert!(read_map("APIb: [").is_err());
}
