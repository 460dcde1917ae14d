#!/usr/bin/env python3
"""One decision through PyTorch, batch 1, beside the streaming engine: the same network, the same window, one thread.

    python3 -m venv venv && venv/bin/pip install torch numpy
    venv/bin/python benches/pytorch_window.py target/release/koracle

A decision in PyTorch is what the earlier work does: run the window of the receptive field through the trunk, then the
head over the candidates. Features are given (random numbers of the right shape), so PyTorch is not charged for them; the
engine's figure includes them. Both run in turn, and the medians of the rounds and their ratio are printed as JSON.
"""

import json
import statistics
import subprocess
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

ROUNDS, CANDIDATES, TOKEN, QUERY, CAND = 3, 8, 33, 28, 95


class Block(nn.Module):
    def __init__(self, channels, kernel, dilation):
        super().__init__()
        self.pad = (kernel - 1) * dilation
        self.first = nn.Conv1d(channels, channels, kernel, dilation=dilation, groups=channels)
        self.second = nn.Conv1d(channels, channels, 1)

    def forward(self, x):
        return x + self.second(F.relu(self.first(F.pad(x, (self.pad, 0)))))


class Net(nn.Module):
    def __init__(self, c):
        super().__init__()
        width, hidden, second = c["channels"], c["hidden"], c["hidden2"]
        self.inp = nn.Linear(TOKEN, width)
        self.body = nn.Sequential(*[Block(width, c["kernel"], 2**i) for i in range(c["blocks"])])
        self.cand, self.query = nn.Linear(CAND, hidden), nn.Linear(QUERY, hidden, bias=False)
        self.state = nn.Linear(width, hidden, bias=False)
        self.second = nn.Sequential(nn.Linear(hidden, second), nn.ReLU()) if second else nn.Identity()
        self.out, self.skip = nn.Linear(second or hidden, 1), nn.Linear(CAND, 1, bias=False)

    def forward(self, tokens, query, cand):
        h = self.body(F.relu(self.inp(tokens)).transpose(1, 2))[:, :, -1]
        z = F.relu(self.cand(cand) + self.query(query) + self.state(h))
        return (self.out(self.second(z)) + self.skip(cand)).squeeze(-1)


def pytorch(config, seconds=2.0):
    net = Net(config).eval()
    field = 1 + (config["kernel"] - 1) * (2 ** config["blocks"] - 1)
    inputs = torch.randn(1, field, TOKEN), torch.randn(1, QUERY), torch.randn(CANDIDATES, CAND)
    times = []
    with torch.inference_mode():
        for _ in range(50):
            net(*inputs)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter_ns()
            net(*inputs)
            times.append(time.perf_counter_ns() - start)
    return statistics.median(times)


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        out = subprocess.run([sys.argv[1], "bench", "--json"], check=True, capture_output=True).stdout
        bench = json.loads(out)
        ours.append(bench["decision_ns"]["p50"])
        theirs.append(pytorch(bench["model"]["config"]))
    engine, torch_ns = statistics.median(ours), statistics.median(theirs)
    print(json.dumps({
        "engine_decision_ns": engine,
        "pytorch_decision_ns": torch_ns,
        "ratio": round(torch_ns / engine, 1),
        "rounds": list(zip(ours, theirs)),
        "torch": torch.__version__,
        "config": bench["model"]["config"],
    }))


main()
