"""Train a classifier of handwritten digits, configured with Hydra."""

import hydra
import torch
from sklearn.datasets import load_digits
from torch import nn
import sensitivity


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(cfg):
    torch.manual_seed(cfg.seed)
    digits = load_digits()
    images, labels = torch.tensor(digits.data, dtype=torch.float32) / 16, torch.tensor(digits.target)
    order = torch.randperm(len(images))
    train, val = order[:1500], order[1500:]
    model = nn.Sequential(nn.Linear(64, cfg.model.width), nn.ReLU(), nn.Linear(cfg.model.width, 10))
    optimizer = getattr(torch.optim, cfg.optimizer.name)(model.parameters(), lr=cfg.optimizer.lr)
    for epoch in range(1, cfg.epochs + 1):
        for rows in train[torch.randperm(len(train))].split(cfg.batch_size):
            loss = nn.functional.cross_entropy(model(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            scores = model(images[val])
        val_loss = nn.functional.cross_entropy(scores, labels[val]).item()
        print(f"epoch {epoch}: val loss {val_loss:.4f}")
        sensitivity.report(loss=loss, val_loss=val_loss, step=epoch)


if __name__ == "__main__":
    main()
