//! Users' features: whole in memory or by shard, the slates are the same; what is not there in time is said to be late.

use larder::recommender::View;
use larder::snapshot::UserFeatures;

use super::*;

const USERS: usize = 3000;

/// Users "u0" … with a thrift that tells each from the others.
fn shop(params: &str) -> Shop {
    let shop = Shop::new(
        "judge.json",
        r#"{"weights": {"user.thrift": 1, "user.taste": 10000, "item.price": -1}}"#,
        &format!("[judge]\n[judge.categories]\n\"user.taste\" = [\"tea\", \"coffee\"]\n{params}"),
    );
    let thrift = |user: usize| (user % 7 != 3).then_some(user as f32);
    let taste = |user: usize| ["tea", "coffee", "cocoa"][user % 3];
    let columns = vec![
        ("user_id", texts((0..USERS).map(|user| format!("u{user}")))),
        ("thrift", array(Float32Array::from_iter((0..USERS).map(thrift)))),
        ("taste", array(StringArray::from_iter_values((0..USERS).map(taste)))),
    ];
    table(shop.path(), "habits", columns);
    shop
}

const SHARDS: &str = "[habits]\nshards = 64";

/// Too little for the table: it takes some 140 kB.
fn little() -> LoadOptions {
    LoadOptions { user_features_memory: 40_000, ..LoadOptions::default() }
}

fn unhurried() -> Limits {
    Limits { user_features_wait: Duration::from_secs(60), ..Limits::default() }
}

fn habits(served: &View) -> &UserFeatures {
    let Some(Artifact::UserFeatures(users)) = served.snapshot.artifact("habits").map(AsRef::as_ref) else {
        panic!("there are no habits");
    };
    users
}

fn is_sharded(recommender: &Recommender) -> bool {
    habits(&recommender.served().unwrap()).is_sharded()
}

#[test]
fn whole_and_sharded_tables_give_equal_slates() {
    let whole = shop("").open();
    let by_shard = shop(SHARDS).open_with(&little(), unhurried());
    assert_eq!((is_sharded(&whole), is_sharded(&by_shard)), (false, true));
    let mut distinct = std::collections::BTreeSet::new();
    let unknown = (0..50).map(|user| format!("x{user}"));
    for user in (0..USERS).step_by(7).chain(0..50).map(|user| format!("u{user}")).chain(unknown) {
        let answers =
            [&whole, &by_shard].map(|recommender| recommender.recommend(&ranked().user(&user)).unwrap());
        assert_eq!(lines(&answers[0]), lines(&answers[1]), "{user}");
        assert_eq!(answers[0].slate.degradation, answers[1].slate.degradation, "{user}");
        assert_eq!(answers[1].slate.degradation.level, DegradationLevel::None, "{user}");
        distinct.insert(answers[0].slate.items[0].score.to_bits());
    }
    assert!(distinct.len() > 300, "users differ: {}", distinct.len());
    let score = |user: &str| whole.recommend(&ranked().user(user)).unwrap().slate.items[0].score;
    assert_eq!(score("u4"), 10_000.0 + 4.0 - 2.0, "coffee is 1; assam costs 2");
    assert_eq!(score("u3"), -2.0, "tea is 0, and nobody knows the thrift");
    assert_eq!(score("u5"), 5.0 - 2.0, "cocoa is nothing that the model knows");
    assert_eq!(score("nobody"), -2.0);
}

#[test]
fn a_cache_smaller_than_the_table_holds_no_more_than_it_may() {
    let recommender = shop(SHARDS).open_with(&little(), unhurried());
    for user in 0..USERS {
        recommender.recommend(&ranked().user(format!("u{user}"))).unwrap();
    }
    let served = recommender.served().unwrap();
    let users = habits(&served);
    let cached = users.cached_bytes();
    assert!((1..=40_000).contains(&cached), "{cached} bytes are cached");
    assert!(users.resident_bytes() >= 40_000, "a cache counts as full");
}

#[test]
fn features_that_are_not_there_in_time_degrade_the_answer_until_they_are() {
    let shop = shop(SHARDS);
    let recommender = shop.open_with(&little(), unhurried());
    let request = ranked().user("u4");
    let (file, late) = (shop.path().join("habits.parquet"), UserCounts::now().late);
    let sound = fs::read(&file).unwrap();
    fs::write(&file, vec![0; sound.len()]).unwrap(); // a disk that gives no shard
    let answer = recommender.recommend(&request).unwrap();
    let degradation = &answer.slate.degradation;
    assert_eq!(
        (degradation.level, &*degradation.causes),
        (DegradationLevel::Partial, &[Cause::UserFeaturesLate][..])
    );
    assert_eq!(shown(&answer), "assam sencha chai rooibos teapot milk");
    assert_eq!(answer.slate.items[0].score, -2.0, "scored as an unknown user");
    assert!(UserCounts::now().late > late);

    fs::write(&file, sound).unwrap();
    let answer = recommender.recommend(&request).unwrap();
    assert_eq!(answer.slate.degradation.level, DegradationLevel::None);
    assert_eq!(answer.slate.items[0].score, 10_002.0);
}

#[test]
fn who_must_not_block_is_told_when_the_features_are_there() {
    let recommender = shop(SHARDS).open_with(&little(), unhurried());
    let requests = [ranked().user("u4"), ranked().user("u5")];
    let prepared = recommender.prepare(&requests).unwrap();
    assert_eq!(prepared.patience(), Some(Duration::from_secs(60)));
    let (tell, told) = std::sync::mpsc::channel();
    prepared.on_ready(move || tell.send(()).unwrap());
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    for (place, request) in requests.iter().enumerate() {
        let answer = recommender.complete_slot(request, place, None, &prepared);
        assert_eq!(answer.unwrap().slate.degradation.level, DegradationLevel::None);
    }
    let prepared = recommender.prepare(&requests).unwrap();
    assert_eq!(prepared.patience(), None, "nothing is missing any more");
    let (tell, told) = std::sync::mpsc::channel();
    prepared.on_ready(move || tell.send(()).unwrap());
    assert!(told.try_recv().is_ok(), "told at once");
}

#[test]
fn nobody_waits_longer_than_half_of_the_time_there_is() {
    let limits = Limits { user_features_wait: Duration::from_millis(700), ..Limits::default() };
    let shop = shop(SHARDS);
    shop.recipe("max_latency_ms = 1000\nscorer = { kind = \"ranker\", artifact = \"judge\" }");
    let recommender = shop.open_with(&little(), limits);
    let patience = |user: &str, budget: Option<u64>| {
        let budget = budget.map(Duration::from_millis);
        recommender.prepare(&[Request { budget, ..ranked().user(user) }]).unwrap().patience()
    };
    assert_eq!(patience("u1", None), Some(Duration::from_millis(500)));
    assert_eq!(patience("u2", Some(40)), Some(Duration::from_millis(20)));
    assert_eq!(patience("u3", Some(5000)), Some(Duration::from_millis(500)));
}

#[test]
fn nobody_waits_for_an_unknown_user_or_for_a_placement_without_a_ranker() {
    let recommender = shop(SHARDS).open_with(&little(), unhurried());
    let waits = |requests: &[Request]| recommender.prepare(requests).unwrap().patience().is_some();
    let unknown = (0..200).map(|n| ranked().user(format!("unknown {n}")));
    let waited = unknown.filter(|request| waits(std::slice::from_ref(request))).count();
    assert!(waited < 20, "{waited} of 200 unknown users were looked for on disk");
    assert!(!waits(&[Request::new("home.for_you").user("u1"), ranked()]));
    let mut denied = ranked().user("u1");
    denied.subject.consent = larder::domain::Consent::Denied;
    assert!(!waits(std::slice::from_ref(&denied)));
    assert_eq!(recommender.recommend(&denied).unwrap().slate.items[0].score, -2.0);
}

#[test]
fn many_at_once_get_their_features_from_one_reading() {
    let recommender = shop(SHARDS).open_with(&little(), unhurried());
    let together = std::sync::Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for user in ["u4", "u5", "u6"] {
                    together.wait();
                    let answer = recommender.recommend(&ranked().user(user)).unwrap();
                    assert_eq!(answer.slate.degradation.level, DegradationLevel::None, "{user}");
                }
            });
        }
    });
    let served = recommender.served().unwrap();
    assert!((1..=3).contains(&habits(&served).readings()), "three users are in three shards at most");
}

#[test]
fn a_page_gets_the_features_of_all_its_slots() {
    let recommender = shop(SHARDS).open_with(&little(), unhurried());
    let requests: Vec<Request> = (0..20).map(|user| ranked().user(format!("u{user}"))).collect();
    for answer in recommender.recommend_batch(&requests, false) {
        assert_eq!(answer.unwrap().slate.degradation.level, DegradationLevel::None);
    }
}

#[test]
fn a_table_that_neither_fits_nor_is_in_shards_is_refused_with_what_to_do() {
    let says = |shop: &Shop, words: &[&str]| {
        grocer::seal(shop.path(), 1);
        let error = open_directory(shop.path(), "production", &little()).unwrap_err();
        assert_eq!(error.artifact(), Some("habits"));
        for word in words {
            assert!(error.to_string().contains(word), "no {word:?} in: {error}");
        }
    };
    says(&shop(""), &["user_features_memory is 40000", "shards = "]);
    says(&shop("[habits]\nshards = 4"), &["user_features_memory is 40000", "half of that memory"]);
    says(&shop(SHARDS), &["row 2", "of shard", "build the snapshot again"]);
}

#[test]
fn building_again_changes_a_sharded_table_no_more() {
    let shop = shop(SHARDS);
    shop.snapshot(&little());
    let first = fs::read(shop.path().join("habits.parquet")).unwrap();
    let manifest = fs::read(shop.path().join(MANIFEST)).unwrap();
    shop.snapshot(&little());
    assert_eq!(fs::read(shop.path().join("habits.parquet")).unwrap(), first);
    assert_eq!(fs::read(shop.path().join(MANIFEST)).unwrap(), manifest);
}

#[test]
fn bad_tables_of_features_are_refused() {
    let says = |name: &str, columns, words: &[&str]| {
        let shop = shop("");
        table(shop.path(), name, columns);
        let message = shop.refusal();
        for word in words {
            assert!(message.contains(word), "no {word:?} in: {message}");
        }
    };
    let twice = vec![("user_id", texts(["a", "b", "a"])), ("thrift", floats([1.0; 3]))];
    says("habits", twice, &["artifact \"habits\"", "row 3", "a second time"]);
    let endless = vec![("user_id", texts(["a", "b"])), ("thrift", floats([1.0, f32::INFINITY]))];
    says("habits", endless, &["\"thrift\", row 2", "32-bit float"]);
    let unknown = vec![("item_id", texts(["milk", "mlk"])), ("margin", floats([1.0; 2]))];
    says("margins", unknown, &["artifact \"margins\"", "row 2", "\"mlk\" is not in the catalogue"]);
    let twice = vec![("item_id", texts(["milk", "milk"])), ("margin", floats([1.0; 2]))];
    says("margins", twice, &["row 2", "a second time"]);
    let lists = larder::artifact::table::text_lists([vec!["a"], vec![]]);
    let listed = vec![("item_id", texts(["milk", "chai"])), ("tags", array(lists))];
    says("margins", listed, &["\"tags\" is a list of text", "expected bool, a number, text or a timestamp"]);
}

#[cfg(feature = "server")]
#[test]
fn a_server_waits_for_features_too_and_says_what_was_late() {
    use crate::support::server::Server;

    let shop = shop(SHARDS);
    let file = shop.path().join("habits.parquet");
    let server = Server::start(shop.open_with(&little(), unhurried()));
    let body = |user: &str| {
        format!(r#"{{"subject": {{"userId": "{user}"}}, "seedItems": [{{"itemId": "earl-grey"}}]}}"#)
    };
    let ask = |user: &str| server.post("/v1/placements/ranked:recommend", body(user)).json();
    assert_eq!(ask("u4")["items"][0]["score"], 10_002.0);
    fs::write(&file, vec![0; fs::read(&file).unwrap().len()]).unwrap();
    let late = (0..USERS)
        .map(|user| ask(&format!("u{user}")))
        .find(|answer| answer["degradation"]["causes"].as_array().is_some_and(|causes| !causes.is_empty()));
    let late = late.expect("some shard is not in memory");
    assert_eq!(late["degradation"]["causes"], serde_json::json!(["user_features_late"]));
    assert_eq!(late["degradation"]["level"], "PARTIAL");
    assert_eq!(late["cache"]["scope"], "NONE", "the next attempt may be better");
}
