//! From a model's sum to its prediction.

/// What an objective does to the sum of leaves or terms, so that it becomes what `predict` returns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Link {
    Identity,
    /// LightGBM's `reg_sqrt`: x·|x|.
    SignedSquare,
    Exp,
    /// 1 / (1 + e^(−slope·x)), for each output by itself.
    Logistic {
        slope: f64,
    },
    /// ln(1 + e^x): LightGBM's `cross_entropy_lambda`.
    LogOnePlusExp,
    /// 1 for sums above 0, otherwise 0: XGBoost's `binary:hinge`.
    Step,
    /// Over all outputs of a row.
    Softmax,
}

impl Link {
    /// The prediction for output `chosen` of a row with these sums.
    pub(super) fn apply(self, sums: impl Fn(usize) -> f64, outputs: usize, chosen: usize) -> f64 {
        let x = sums(chosen);
        match self {
            Self::Identity => x,
            Self::SignedSquare => x * x.abs(),
            Self::Exp => x.exp(),
            Self::Logistic { slope } => 1.0 / (1.0 + (-slope * x).exp()),
            Self::LogOnePlusExp => x.exp().ln_1p(),
            Self::Step => f64::from(u8::from(x > 0.0)),
            Self::Softmax => {
                // Taken off before exp, which would overflow for large sums.
                let greatest = (0..outputs).map(&sums).fold(f64::NEG_INFINITY, f64::max);
                let total: f64 = (0..outputs).map(|output| (sums(output) - greatest).exp()).sum();
                (x - greatest).exp() / total
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_link_gives_its_known_values() {
        let one = |link: Link, x: f64| link.apply(|_| x, 1, 0);
        assert_eq!(one(Link::Identity, -2.0), -2.0);
        assert_eq!(one(Link::SignedSquare, -3.0), -9.0);
        assert_eq!(one(Link::Exp, 0.0), 1.0);
        assert_eq!(one(Link::Logistic { slope: 2.0 }, 0.0), 0.5);
        assert!((one(Link::Logistic { slope: 2.0 }, 1.0) - 0.880_797_077_977_882_4).abs() < 1e-15);
        assert!((one(Link::LogOnePlusExp, 0.0) - 2f64.ln()).abs() < 1e-15);
        assert_eq!((one(Link::Step, 0.0), one(Link::Step, 0.1)), (0.0, 1.0));
        let sums = [1000.0, 1000.0, 1000.0 - 2f64.ln()];
        let shares: Vec<f64> = (0..3).map(|k| Link::Softmax.apply(|i| sums[i], 3, k)).collect();
        assert!((shares[0] - 0.4).abs() < 1e-12 && (shares[2] - 0.2).abs() < 1e-12, "{shares:?}");
    }
}
