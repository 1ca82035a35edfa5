"""Train a classifier of handwritten digits with Lightning."""

import argparse

import lightning as L
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split
import sensitivity


class Digits(L.LightningModule):
    def __init__(self, lr, dropout, width=128):
        super().__init__()
        self.lr = lr
        self.net = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 10))

    def training_step(self, batch, _):
        loss = nn.functional.cross_entropy(self.net(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, _):
        scores = self.net(batch[0])
        self.log("val_loss", nn.functional.cross_entropy(scores, batch[1]))
        self.log("val_acc", (scores.argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), self.lr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max_epochs", type=int, default=20)
    args = parser.parse_args()

    L.seed_everything(args.seed)
    digits = load_digits()
    images, labels = torch.tensor(digits.data, dtype=torch.float32) / 16, torch.tensor(digits.target)
    train, val = random_split(TensorDataset(images, labels), [1500, 297])
    trainer = L.Trainer(
        max_epochs=args.max_epochs,
        accelerator="auto",
        logger=False,
        callbacks=[sensitivity.LightningReport()],
        enable_checkpointing=False,
        enable_progress_bar=False,
    )
    trainer.fit(
        Digits(args.lr, args.dropout),
        DataLoader(train, batch_size=64, shuffle=True),
        DataLoader(val, batch_size=297),
    )
