//! A port that nobody else takes while the server is down.

use std::net::{Ipv4Addr, TcpListener};

use crate::children::limits::PORT_ATTEMPTS_MAX;

/// Lowest port that we take: below are the well-known servers.
const LOWEST: u16 = 15_000;

/// A port that is free now, from below the range that the kernel gives to outgoing connections: such a connection could
/// otherwise hold our port while the server restarts.
pub(super) fn free() -> std::io::Result<u16> {
    let end = ephemeral_start();
    for _ in 0..PORT_ATTEMPTS_MAX {
        let port = rand::random_range(LOWEST..end);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Where the kernel's range begins; the usual one when it cannot be read or leaves us too little.
fn ephemeral_start() -> u16 {
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .filter(|start| *start > LOWEST + 1_000)
        .unwrap_or(32_768)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_can_be_bound() {
        let port = free().unwrap();
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
}
