//! Dead letters: what is kept, what is left out, and that the folder stays within its bound.

use std::fs;
use std::path::Path;

use larder::connect::Record;
use larder::connect::dead::{DeadError, DeadLetter, DeadLetters, DeadOptions, PersonalPayloads, read};
use larder::connect::decode::Decoder;

use super::{GOOD, NOW, decode_record};

fn options(dir: &Path) -> DeadOptions {
    DeadOptions { dir: dir.to_owned(), max: 0, personal: PersonalPayloads::default() }
}

fn write(letters: &mut DeadLetters, body: &[u8], offset: i64) {
    let headers: [(&str, &[u8]); 1] = [("trace", b"\xff")];
    let record =
        Record { key: Some(b"k"), ..Record::new("shop", body).at("3", offset).with_headers(&headers) };
    let (_, decoded) = decode_record(&Decoder::canonical(), &record);
    letters.write(&record, &decoded, NOW).unwrap();
}

fn all(dir: &Path) -> Vec<DeadLetter> {
    read(dir).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_letter_has_what_is_needed_to_find_and_decode_the_record_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut letters = DeadLetters::open(options(dir.path())).unwrap();
    let body = format!(r#"[{{"type":"view"}},{GOOD},{{"type":"item.changed"}}]"#);
    write(&mut letters, body.as_bytes(), 17);
    write(&mut letters, GOOD.as_bytes(), 18);
    letters.sync().unwrap();
    let found = all(dir.path());
    let places: Vec<_> = found.iter().map(|letter| (letter.event, letter.reason.as_str())).collect();
    assert_eq!(places, [(0, "missing_time"), (2, "missing_time")]);
    let first = &found[0];
    assert_eq!(
        (first.source.as_str(), first.partition.as_str(), first.position.as_str()),
        ("shop", "3", "17")
    );
    assert_eq!((first.arrived.as_str(), first.field.as_str()), ("2026-11-20T08:30:00.000Z", "/0/time"));
    assert_eq!(first.body().as_deref(), Some(body.as_bytes()));
    let content = first.content.as_ref().unwrap();
    assert_eq!((content.key.as_deref(), content.headers.len()), (Some("aw=="), 1));
    assert_eq!(found[1].content, None, "the record is kept once");
    assert_eq!((letters.written(), letters.dropped()), (2, 0));
}

#[test]
fn a_record_that_names_a_person_is_left_out_unless_told_otherwise() {
    for (personal, kept) in [(PersonalPayloads::LeaveOut, false), (PersonalPayloads::Keep, true)] {
        let dir = tempfile::tempdir().unwrap();
        let mut letters = DeadLetters::open(DeadOptions { personal, ..options(dir.path()) }).unwrap();
        write(&mut letters, br#"{"type":"view","user_id":"ada"}"#, 1);
        assert_eq!(all(dir.path())[0].content.is_some(), kept);
    }
}

#[test]
fn the_folder_is_bounded_and_the_oldest_file_goes_first() {
    let dir = tempfile::tempdir().unwrap();
    let bound = 16 << 20; // the least
    let mut letters = DeadLetters::open(options(dir.path())).unwrap();
    let body = "x".repeat(900_000);
    for offset in 0..40 {
        write(&mut letters, body.as_bytes(), offset);
        assert!(letters.bytes() <= bound);
    }
    let on_disk: u64 =
        fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert_eq!(on_disk, letters.bytes());
    let found = all(dir.path());
    assert_eq!(found.len() as u64 + letters.dropped(), letters.written());
    let offsets: Vec<i64> = found.iter().map(|letter| letter.position.parse().unwrap()).collect();
    assert_eq!(offsets, (40 - found.len() as i64..40).collect::<Vec<_>>());
    assert!(found.len() > 8, "only the oldest are dropped: {} are left", found.len());
}

#[test]
fn a_line_that_a_crash_cut_off_costs_itself_only() {
    let dir = tempfile::tempdir().unwrap();
    let mut letters = DeadLetters::open(options(dir.path())).unwrap();
    write(&mut letters, b"{", 1);
    write(&mut letters, b"{", 2);
    drop(letters);
    let file = fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let text = fs::read(&file).unwrap();
    fs::write(&file, &text[..text.len() - 9]).unwrap();
    let mut letters = DeadLetters::open(options(dir.path())).unwrap();
    write(&mut letters, b"{", 3);
    drop(letters);
    // A whole file is gone on with, so that restarts do not make many small ones.
    write(&mut DeadLetters::open(options(dir.path())).unwrap(), b"{", 4);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    let found: Vec<_> = read(dir.path()).unwrap().collect();
    let positions: Vec<_> =
        found.iter().map(|letter| letter.as_ref().ok().map(|letter| letter.position.clone())).collect();
    assert_eq!(positions, [Some("1".to_owned()), None, Some("3".into()), Some("4".into())]);
    assert!(matches!(found[1], Err(DeadError::Line { line: 2, .. })));
    assert!(matches!(read(&dir.path().join("none")), Err(DeadError::Io { .. })));
}
