"""What the proofs calculate from measurements, on made-up ones: `python3 -m unittest discover loadtest/proofs`."""

import json
import random
import tempfile
import unittest
from pathlib import Path

import capacity
import day
import epochs
import events
import overload
import trend
import verdicts
from machine import Watch


class Trend(unittest.TestCase):
    def test_a_line_is_found_through_noise_and_an_outlier(self):
        noise = random.Random(1)
        values = [100 + 2 * n + noise.uniform(-1, 1) for n in range(20)]
        values[7] = 1000
        slope, low, high = trend.theil_sen(values)
        self.assertAlmostEqual(slope, 2, delta=0.2)
        self.assertTrue(0 < low <= slope <= high)

    def test_noise_alone_has_no_slope(self):
        noise = random.Random(2)
        _, low, high = trend.theil_sen([100 + noise.uniform(-1, 1) for _ in range(20)])
        self.assertTrue(low <= 0 <= high)

    def test_one_value_has_no_slope(self):
        self.assertEqual(trend.theil_sen([7.0]), (0.0, 0.0, 0.0))


class Verdicts(unittest.TestCase):
    def test_what_was_not_measured_does_not_hold(self):
        result = verdicts.Result("soak")
        self.assertFalse(result.held, "a proof without targets proves nothing")
        result.at_most("p99", 9.9, 10.0, " ms")
        self.assertTrue(result.held)
        result.at_most("p50", None, 2.0, " ms")
        self.assertFalse(result.held)
        self.assertIn("MISSED", result.table())

    def test_the_readme_lists_every_proof_that_was_run_and_what_was_missed(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, most in (("swaps", 1.0), ("capacity", 3.0)):
                result = verdicts.Result(name)
                result.at_most("ratio", 2.0, most)
                verdicts.keep(Path(folder), result, {"commit": "abc"}, "How.")
            text = (Path(folder) / "README.md").read_text()
            self.assertIn("| [swaps](#swaps) | **missed** |", text)
            self.assertIn("| [capacity](#capacity) | held |", text)
            self.assertLess(text.index("capacity"), text.index("swaps"), "in the order of the proofs")
            kept = json.loads((Path(folder) / "verdicts.json").read_text())
            self.assertEqual(kept["swaps"]["versions"], {"commit": "abc"})


class Figures(unittest.TestCase):
    def test_recovery_ends_when_the_seconds_are_normal_again(self):
        seconds = lambda *p50: [{"p50_ms": ms, "errors": 0} for ms in p50]
        before = {"seconds": seconds(2.0, 3.0)}
        self.assertEqual(overload.normal_after(before, {"seconds": seconds(3.0, 3.7, 2.0)}), 0.0)
        self.assertEqual(overload.normal_after(before, {"seconds": seconds(90.0, 3.0, 5.0, 3.0)}), 3.0)
        failed = seconds(2.0, 2.0)
        failed[0]["errors"] = 1
        self.assertEqual(overload.normal_after(before, {"seconds": failed}), 1.0)
        silent = [{"p50_ms": None, "errors": 0, "offered": 5}]
        self.assertEqual(overload.normal_after(before, {"seconds": silent + seconds(2.0)}), 1.0)

    def test_the_share_of_quick_refusals_is_read_from_the_servers_histogram(self):
        lines = ['larder_refusal_seconds_bucket{le="0.001"} 50', "larder_refusal_seconds_count 120",
                 'larder_refusal_seconds_bucket{class="LIVE",le="0.001"} 40',
                 'larder_refusal_seconds_bucket{le="0.01"} 99']
        self.assertEqual(overload.share_within_1_ms("\n".join(lines)), 75.0)
        self.assertEqual(overload.share_within_1_ms(""), 0.0)

    def test_causes_that_lie_in_the_request_are_not_what_the_load_did(self):
        causes = {"unknown_user": 5, "deadline": 2, "something_new": 1}
        self.assertEqual(day.hurried({"degraded": {"FALLBACK": 8}, "causes": causes}), 3)
        self.assertEqual(day.hurried({"degraded": {"FALLBACK": 8}, "causes": {}}), 8)
        self.assertEqual(day.hurried({"degraded": {}, "causes": {}}), 0)

    def test_a_quantile_is_interpolated_in_its_bucket(self):
        name, bounds = "larder_event_apply_seconds", ("0.01", "0.1", "+Inf")
        before = {f'{name}_bucket{{le="{bound}"}}': 100.0 for bound in bounds}
        after = {f'{name}_bucket{{le="{bound}"}}': 100.0 + more for bound, more in zip(bounds, (50.0, 100.0, 100.0))}
        found = events.quantiles(before, after, name)
        self.assertAlmostEqual(found[0.5], 10.0)
        self.assertAlmostEqual(found[0.99], 98.2)
        self.assertIsNone(events.quantile([], 0.5), "nothing was measured")

    def test_an_item_is_gone_from_its_delisting_until_the_last_epoch_before_its_listing(self):
        gone = {"tea": [(5, 9), (20, float("inf"))]}
        wrong = [epoch for epoch in range(3, 25) if epochs.is_gone(gone, "tea", epoch)]
        self.assertEqual(wrong, [5, 6, 7, 8, 9, 20, 21, 22, 23, 24])
        self.assertFalse(epochs.is_gone(gone, "honey", 7))

    def test_peak_cpu_is_over_a_window_and_not_an_instant(self):
        watch = Watch(0)
        watch.samples = [(n * 0.5, 0.1 * n * 0.5 + (0.5 if n >= 20 else 0.0), 0) for n in range(60)]
        self.assertAlmostEqual(watch.peak_cores(5.0), 0.1 + 0.5 / 5.0, delta=0.02)

    def test_a_rate_is_the_generators_limit_only_where_the_next_trial_says_so(self):
        trial = lambda rps, held, void: {"rps": rps, "held": held, "void": void}
        self.assertTrue(capacity.generators_limit(100, [trial(100, True, False), trial(200, False, True)]))
        self.assertFalse(capacity.generators_limit(100, [trial(120, False, False), trial(200, False, True)]))
        self.assertFalse(capacity.generators_limit(100, [trial(100, True, False)]))


if __name__ == "__main__":
    unittest.main()
