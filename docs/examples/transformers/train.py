"""Train a small GPT-2 from scratch with the Trainer of Hugging Face, on Python's own documentation."""

from dataclasses import dataclass

import torch
from pydoc_data.topics import topics
from transformers import GPT2Config, GPT2LMHeadModel, HfArgumentParser, Trainer, TrainingArguments
import sensitivity


@dataclass
class ModelArguments:
    n_layer: int = 4
    n_embd: int = 128
    block_size: int = 64


class Blocks(torch.utils.data.Dataset):
    def __init__(self, text, size):
        data = torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8).long()
        self.rows = data[: len(data) // size * size].view(-1, size)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, place):
        return {"input_ids": self.rows[place], "labels": self.rows[place]}


if __name__ == "__main__":
    model_args, args = HfArgumentParser((ModelArguments, TrainingArguments)).parse_args_into_dataclasses()
    text = "\n".join(topics.values())
    config = GPT2Config(
        vocab_size=256,
        n_positions=model_args.block_size,
        n_embd=model_args.n_embd,
        n_layer=model_args.n_layer,
        n_head=4,
        bos_token_id=0,
        eos_token_id=0,
    )
    torch.manual_seed(args.seed)
    trainer = Trainer(
        model=GPT2LMHeadModel(config),
        args=args,
        callbacks=[sensitivity.TransformersReport()],
        train_dataset=Blocks(text[: len(text) * 9 // 10], model_args.block_size),
        eval_dataset=Blocks(text[-20_000:], model_args.block_size),
    )
    trainer.train()
    trainer.evaluate()
