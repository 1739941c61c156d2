//! What other gateways did with the same faults, in short. Measured once, so the only figures here that are not
//! measured by the program itself.

/// Empty for a row that nobody else was played with.
pub(super) fn of(id: &str) -> &'static str {
    RIVALS.iter().find(|(row, _)| *row == id).map_or("", |(_, others)| others)
}

const RIVALS: &[(&str, &str)] = &[
    (
        "a1",
        "LiteLLM 1.9 s, Portkey 3.1 s, TensorZero 4.6 s, 3 calls each; Envoy, nginx and vLLM-router < 0.1 s from another worker",
    ),
    ("a2", "LiteLLM 4.3 s, Portkey 3.9 s, TensorZero 7.1 s; balancers at once from another worker"),
    ("a3", "LiteLLM 4.0 s after 3 calls to A, Portkey 7.1 s after 4, TensorZero 0.06 s"),
    ("a4", "LiteLLM 5.8 s after 3 calls to A, Portkey 7.8 s after 4, TensorZero 1.5 s"),
    (
        "b1",
        "5 words each. LiteLLM: error event; Portkey: clean end; TensorZero: error event, then DONE; Envoy, nginx, vLLM-router: cut. None asked B",
    ),
    (
        "b2",
        "5 words each. LiteLLM: error event; Portkey: clean end; TensorZero: error event, then DONE; Envoy, nginx, vLLM-router: cut. None asked B",
    ),
    (
        "b3",
        "5 words each. LiteLLM: finish=stop and DONE; TensorZero: DONE; Portkey, Envoy, nginx, vLLM-router: clean end. None asked B",
    ),
    (
        "c1",
        "5 words each. LiteLLM: error event at 3.3 s; Portkey, TensorZero, vLLM-router: hang (client gave up at 25 s); Envoy, nginx: cut at 3-4 s",
    ),
    ("c2", "B in 14.5 s (LiteLLM), 4.7 s (Portkey), 3.8 s (TensorZero), 3.5 s (Envoy, nginx); vLLM-router never"),
    ("c3", "B in 17.8 s (LiteLLM), 4.1 s (Portkey), 4.0 s (TensorZero), 3.1 s (Envoy); vLLM-router never"),
    ("d1", "waits 2.3 s (LiteLLM), 1.0 s (Portkey), 1.8 s (TensorZero): two come too early"),
    ("d2", "LiteLLM 2.9 s and Portkey 1.1 s, both from A; TensorZero 1 ms from B"),
    ("d3", "waits 2.6 s (LiteLLM), 1.0 s (Portkey), 1.7 s (TensorZero)"),
    ("e1", "LiteLLM 10-45 ms, vLLM-router 12-26 ms, Envoy and nginx < 1 ms; Portkey and TensorZero not within 6 s"),
    ("e2", "TensorZero, Envoy, nginx and vLLM-router < 1 ms; LiteLLM and Portkey at their own time-out, 3.5 s"),
    ("e3", "Envoy, nginx and vLLM-router < 1 ms, TensorZero 0.4-16 ms; LiteLLM 2.5 s, Portkey 3.5 s"),
    ("f1", "B in 4.9 s (LiteLLM), 5 ms (TensorZero); Portkey 500 without asking B; balancers pass it on"),
    (
        "f2",
        "LiteLLM: 5 words and an error event; TensorZero: 50 words with an error event between; the rest: 50 words, the line passed on",
    ),
    ("f3", "5 words and the error event each; TensorZero adds DONE. None asked B"),
    ("g1", "all fail, p50 5.3 s (LiteLLM), 7.0 s (Portkey), 4.5 s (TensorZero); well again after 0.2, 1.0, 0.0 s"),
    ("g2", "all served, p50 4.9 s (LiteLLM), 7.1 s (Portkey), 5 ms (TensorZero)"),
];
