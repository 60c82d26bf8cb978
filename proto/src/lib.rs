//! The larder.v1 contract.
