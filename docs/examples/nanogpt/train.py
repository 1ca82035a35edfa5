"""Train a small GPT on the bytes of Python's own documentation."""

import argparse
import math

import torch
from torch import nn
from torch.nn import functional as F
import sensitivity


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, c))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    def __init__(self, vocabulary, context, width, layers, heads):
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, vocabulary))

    def forward(self, x, y):
        h = self.tokens(x) + self.places(torch.arange(x.shape[1], device=x.device))
        return F.cross_entropy(self.head(self.blocks(h)).flatten(0, 1), y.flatten())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--learning_rate", type=float, default=1e-3)
    parser.add_argument("--weight_decay", type=float, default=0.1)
    parser.add_argument("--beta2", type=float, default=0.99)
    parser.add_argument("--seed", type=int, default=1337)
    parser.add_argument("--max_iters", type=int, default=2000)
    parser.add_argument("--eval_interval", type=int, default=200)
    parser.add_argument("--batch_size", type=int, default=12)
    parser.add_argument("--block_size", type=int, default=64)
    parser.add_argument("--n_layer", type=int, default=4)
    parser.add_argument("--n_head", type=int, default=4)
    parser.add_argument("--n_embd", type=int, default=128)
    args = parser.parse_args()

    from pydoc_data.topics import topics

    torch.manual_seed(args.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    data = torch.frombuffer(bytearray("\n".join(topics.values()).encode()), dtype=torch.uint8).long()
    parts = {"train": data[: int(0.9 * len(data))], "val": data[int(0.9 * len(data)) :]}

    def batch(part):
        starts = torch.randint(len(parts[part]) - args.block_size - 1, (args.batch_size,))
        rows = torch.stack([parts[part][start : start + args.block_size + 1] for start in starts]).to(device)
        return rows[:, :-1], rows[:, 1:]

    model = GPT(256, args.block_size, args.n_embd, args.n_layer, args.n_head).to(device)
    optimizer = torch.optim.AdamW(
        model.parameters(), args.learning_rate, betas=(0.9, args.beta2), weight_decay=args.weight_decay
    )
    for step in range(1, args.max_iters + 1):
        for group in optimizer.param_groups:
            group["lr"] = args.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - 1) / args.max_iters))
        loss = model(*batch("train"))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % args.eval_interval == 0 or step == args.max_iters:
            model.eval()
            with torch.no_grad():
                val_loss = sum(model(*batch("val")).item() for _ in range(20)) / 20
            model.train()
            print(f"step {step}: train loss {loss.item():.4f}, val loss {val_loss:.4f}")
            sensitivity.report(train_loss=loss, val_loss=val_loss, step=step)


if __name__ == "__main__":
    main()
