"""A perceptual score (PESQ, ITU-T P.862) beside the cost of each setting of Opus.

    codecs --write DIR > DIR/codecs.json
    python3 benches/opinion.py DIR

Needs the packages `pesq` and `numpy`. Prints a table: MOS-LQO as the mean over the voices and of the
worst of them, and microseconds of encoding for 20 ms.
"""

import json
import pathlib
import sys
import wave

import numpy
import pesq

folder = pathlib.Path(sys.argv[1])


def sound(path):
    with wave.open(str(path)) as file:
        return numpy.frombuffer(file.readframes(file.getnframes()), dtype="<i2")


said = {path.stem.split("-")[1]: sound(path) for path in folder.glob("said-*.wav")}
print("| setting | kbit/s | PESQ mean | worst | encode us |\n| --- | --- | --- | --- | --- |")
for row in json.loads((folder / "codecs.json").read_text())["opus"]:
    name = row["setting"]
    scores = [
        pesq.pesq(8000, told, sound(folder / f"heard-{name}-{number}.wav"), "nb")
        for number, told in sorted(said.items())
    ]
    mean = sum(scores) / len(scores)
    print(
        f"| {name} | {row['kbit_s']} | {mean:.2f} | {min(scores):.2f} | {row['encode_us']} |",
        flush=True,
    )
