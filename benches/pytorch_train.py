#!/usr/bin/env python3
"""Training steps in PyTorch beside burn: the same network, the same batches of dense chunks, one thread each, in turn.

    python3 -m venv venv && venv/bin/pip install torch numpy
    venv/bin/python benches/pytorch_train.py target/release/koracle [--kind tcn] [--channels 32] [--blocks 6]

The program writes its first batches to a file and times its own steps over them; PyTorch reads the same file. A step is
forward, loss of both heads, backward, a cut of every gradient at norm 1 and AdamW. For the TCN, PyTorch is timed with conv1d
and with the sum of shifted rows that burn uses, and the faster one counts. Medians and their ratio are printed as JSON.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time

import numpy as np
import torch
from torch.nn import functional as F

ROUNDS = 3


def batches(path):
    with open(path, "rb") as file:
        head = json.loads(file.readline())
        out = []
        for _ in range(head["batches"]):
            b = json.loads(file.readline())
            for kind, dtype in (("ints", "<i4"), ("floats", "<f4")):
                for name, length in b.pop(kind):
                    values = np.frombuffer(file.read(4 * length), dtype=dtype).copy()
                    b[name] = torch.from_numpy(values.astype(np.int64) if kind == "ints" else values)
            out.append(b)
    return head, out


class Net(torch.nn.Module):
    def __init__(self, head, conv):
        super().__init__()
        self.m, self.conv = head["model"], conv
        fixed = lambda name: name.startswith("norm.") or name == "temperature" or name.startswith("lstm")
        self.w = torch.nn.ParameterDict({
            name.replace(".", "_"): torch.nn.Parameter(torch.randn(*shape) * 0.1)
            for name, shape in head["tensors"] if not fixed(name)
        })
        if self.m["kind"] == "lstm":
            c = self.m["channels"]
            self.lstm = torch.nn.LSTM(c, c, num_layers=self.m["blocks"])

    def trunk(self, b):
        w, n = self.w, b["sequences"]
        x = b["x"].reshape(len(b["kind"]), -1)
        x = torch.cat([w["kind"][b["kind"]], w["rank"][b["rank"]], w["state"][b["state"]], x], 1)
        x = F.relu(x @ w["input_weight"] + w["input_bias"])
        rows, c = x.shape
        if self.m["kind"] == "lstm":
            x = self.lstm(x.reshape(rows // n, n, c))[0].reshape(rows, c)
        elif self.m["kind"] == "tcn":
            k = self.m["kernel"]
            if self.conv:  # [N, C, T]
                x = x.reshape(rows // n, n, c).permute(1, 2, 0)
                for i in range(self.m["blocks"]):
                    taps = w[f"block{i}_taps"].t().unsqueeze(1)
                    x_padded = F.pad(x, ((k - 1) << i, 0))
                    y = F.conv1d(x_padded, taps, w[f"block{i}_bias"], dilation=1 << i, groups=c)
                    x = x + F.conv1d(F.relu(y), w[f"block{i}_mix"].t().unsqueeze(2), w[f"block{i}_mix_bias"])
                x = x.permute(2, 0, 1).reshape(rows, c)
            else:
                for i in range(self.m["blocks"]):
                    step = n << i
                    padded = torch.cat([x.new_zeros((k - 1) * step, c), x], 0)
                    y = w[f"block{i}_bias"]
                    for j in range(k):
                        y = y + padded[j * step:j * step + rows] * w[f"block{i}_taps"][j]
                    x = x + F.relu(y) @ w[f"block{i}_mix"] + w[f"block{i}_mix_bias"]
        return torch.cat([x.new_zeros(1, c), x], 0)

    def loss(self, b, forecast_weight):
        w, h, total = self.w, self.trunk(b), 0.0
        for k, (of, share) in enumerate((("pick", 1.0), ("forecast", forecast_weight))):
            n = len(b[f"{of}.rows"])
            if not n:
                continue
            query = b[f"{of}.query"].reshape(n, -1)
            rows = b[f"{of}.candidates"].reshape(len(b[f"{of}.of"]), -1)
            shared = query @ w[f"{of}_query"] + h[b[f"{of}.rows"]] @ w[f"{of}_state"] + w[f"{of}_bias"]
            z = F.relu(rows @ w[f"{of}_row"] + shared[b[f"{of}.of"]])
            if f"{of}_second" in w:
                z = F.relu(z @ w[f"{of}_second"] + w[f"{of}_second_bias"])
            z = (z @ w[f"{of}_out"] + rows @ w[f"{of}_skip"]).squeeze(1)
            widest = b["widest"][k]
            z = z[b[f"{of}.place"]].reshape(n, widest) + b[f"{of}.mask"].reshape(n, widest)
            real = F.log_softmax(z, 1).gather(1, b[f"{of}.target"].unsqueeze(1)).squeeze(1)
            total = total - share * (real * b[f"{of}.weight"]).sum()
        return total


def steps(head, data, conv):
    """Seconds over all batches."""
    net = Net(head, conv)
    adam = torch.optim.AdamW(net.parameters(), lr=head["learning_rate"], weight_decay=head["weight_decay"], eps=1e-8, foreach=True)
    for round in range(2):  # the first warms up
        start = time.perf_counter()
        for b in data:
            adam.zero_grad(set_to_none=True)
            loss = net.loss(b, head["forecast_weight"])
            loss.backward()
            loss.item()
            # Tensor by tensor, all tensors in one call.
            grads = [p.grad for p in net.parameters() if p.grad is not None]
            cut = [(head["clip"] / (norm + 1e-6)).clamp(max=1.0) for norm in torch._foreach_norm(grads)]
            torch._foreach_mul_(grads, cut)
            adam.step()
        seconds = time.perf_counter() - start
    return seconds


def main():
    args = argparse.ArgumentParser()
    args.add_argument("program")
    args.add_argument("--kind", default="tcn")
    args.add_argument("--channels")
    args.add_argument("--blocks")
    args = args.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/batches"
        command = [args.program, "bench", "--steps", args.kind, "--batches", path]
        for name in ("channels", "blocks"):
            if getattr(args, name):
                command += [f"--{name}", getattr(args, name)]
        ours, theirs, data = [], {"conv1d": [], "shifted": []}, None
        for _ in range(ROUNDS):
            bench = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            ours.append(bench["seconds"])
            if data is None:
                head, data = batches(path)
            for name, times in theirs.items():
                if name == "conv1d" or args.kind == "tcn":
                    times.append(steps(head, data, name == "conv1d"))
    medians = {name: statistics.median(times) for name, times in theirs.items() if times}
    burn, best = statistics.median(ours), min(medians.values())
    print(json.dumps({
        "model": head["model"],
        "tokens": bench["tokens"],
        "burn_events_per_s": round(bench["tokens"] / burn),
        "pytorch_events_per_s": {name: round(bench["tokens"] / s) for name, s in medians.items()},
        "ratio": round(best / burn, 2),
        "rounds": {"burn": ours, **theirs},
        "torch": torch.__version__,
    }))


main()
