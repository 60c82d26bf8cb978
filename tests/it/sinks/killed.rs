//! A server that is killed again and again while it is asked and told.

use super::*;

/// Kills, unless `LARDER_TEST_KILLS` says how many.
const KILLS: usize = 5;

/// What one process was told before it was killed, and how much of it and of its slates was in the spool by then.
struct Life {
    written: f64,
    shown: f64,
    told: Vec<String>,
}

/// Asks and tells until the server is gone; the ids of the events, in order.
fn drive(server: &Process, life: usize) -> Vec<String> {
    let mut told = Vec::new();
    for n in 0.. {
        let id = format!("{life:04}-{n:08}");
        let event = json!({"id": id, "type": "view", "item_id": "chai", "session_id": format!("s{n}")});
        let body = json!({"events": [event]}).to_string();
        // One whose answer is missing may be there all the same.
        told.push(id);
        let answer = server.try_send(server.http, "POST", "/v1/events:record", &body);
        if answer.is_none_or(|reply| !reply.body.contains("ACCEPTED")) {
            break;
        }
        let slate = "/v1/placements/pdp.similar:recommend";
        let ask = json!({"seedItems": [{"itemId": "earl-grey"}]}).to_string();
        if server.try_send(server.http, "POST", slate, &ask).is_none() {
            break;
        }
    }
    told
}

#[test]
fn kills_cost_only_what_was_not_in_the_spool_yet_and_the_numbers_show_it() {
    let shop = Shop::new(ONE_SINK);
    let kills = std::env::var("LARDER_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let mut random = fastrand::Rng::with_seed(7);
    let mut lives = Vec::new();
    for life in 0..kills {
        let server = shop.serve();
        let enough = random.u32(1..150).into();
        lives.push(std::thread::scope(|scope| {
            let driving = scope.spawn(|| drive(&server, life));
            let written = || metric(&server, "larder_outgoing_total", &[("outcome", "written")]);
            wait_until("enough is written", || written() >= enough);
            let shown = metric(&server, "larder_exposures_total", &[("outcome", "written")]);
            let written = written();
            server.kill();
            Life { written, shown, told: driving.join().unwrap() }
        }));
    }
    shop.serve().end();

    let found: BTreeSet<String> =
        shop.lines("out", "events-").iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect();
    for (at, life) in lives.iter().enumerate() {
        let there: Vec<&String> = life.told.iter().filter(|id| found.contains(*id)).collect();
        assert!(there.len() as f64 >= life.written, "life {at}: {} of {}", there.len(), life.written);
        let first: Vec<&String> = life.told.iter().take(there.len()).collect();
        assert_eq!(there, first, "life {at}: a kill takes the last ones and makes no hole before them");
    }
    let mut numbers: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for shown in shop.lines("out", "exposures-") {
        let boot = shown["boot"].as_str().unwrap().to_owned();
        numbers.entry(boot).or_default().insert(shown["seq"].as_u64().unwrap());
    }
    // Boots begin with their time.
    for ((boot, seqs), life) in numbers.iter().zip(&lives) {
        assert!(seqs.len() as f64 >= life.shown, "{boot}: {} of {}", seqs.len(), life.shown);
        assert_eq!(seqs.last(), Some(&(seqs.len() as u64)), "{boot}: no gap before the last");
    }
    assert_eq!(numbers.len(), kills);
}
