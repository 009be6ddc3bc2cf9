"""Writes acoustic/reference.json: acoustic features of four sounds by other people's programs.

    python3 -m venv venv
    venv/bin/pip install numpy==2.4.6 scipy==1.17.1 python_speech_features==0.6 librosa==0.11.0
    venv/bin/python make_reference.py

The file is committed, so this is only to change it. What a library defines is computed by that library:

    frames, spectra, 12 MFCC, deltas    python_speech_features
    centroid, bandwidth, roll-off,
    flatness, zero crossings, power     librosa
    entropy, six functionals            scipy
    slope                               numpy.polyfit

Bark energies, alpha ratio, Hammarberg index, flux, and what follows from the correlation of a frame with itself (pitch,
voicing, harmonicity, jitter, shimmer) have no library of their own here; they are written down a second time in numpy,
after the definitions in the doc comments. Sounds are those of the golden vectors: closed formulas of time, and of a name.
"""

import json
import warnings
from importlib.metadata import version
from pathlib import Path

import librosa
import numpy as np
import python_speech_features as psf
from scipy import stats

SEED = "handcrafted"
FLOOR = 1e-10
MASK = (1 << 64) - 1
BARK_HZ = [0, 100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700, 4400, 5300,
           6400, 7700, 9500]


def fnv1a64(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def splitmix64(x):
    z = (x + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def noise(name, count):
    start = fnv1a64(f"{SEED}:{name}")
    draws = [(splitmix64((start + i) & MASK) >> 40) * 2.0**-24 for i in range(count)]
    return np.array([0.5 * (2.0 * u - 1.0) for u in draws])


def waveform(kind, rate, count):
    t = np.arange(count) / rate
    if kind == "sine":
        samples = 0.5 * np.sin(2 * np.pi * 440 * t)
    elif kind == "chirp":
        duration = count / rate
        samples = 0.5 * np.sin(2 * np.pi * (100 * t + (4000 - 100) / (2 * duration) * t * t))
    elif kind == "voice":
        # Harmonics of a pitch that rises from 110 to 190 Hz, with a beat in its loudness and a little noise.
        phase = 2 * np.pi * (110 * t + 40 * t * t / (count / rate))
        tones = sum(np.sin(k * phase) / k for k in range(1, 16))
        samples = 0.2 * (1 + 0.5 * np.sin(2 * np.pi * 7 * t)) * tones + 0.02 * noise(f"voice.{rate}", count)
    else:
        samples = noise(f"noise.{rate}", count)
    return samples.astype(np.float32)


def logs(power):
    return np.log(np.maximum(power, FLOOR))


def correlations(frame, rate):
    """Lags and normalised correlations, one lag beyond the range at both ends."""
    longest = int(np.ceil(rate / 75))
    lags = np.arange(rate // 500 - 1, longest + 2)
    size = len(frame) - longest - 1
    level = frame - frame.mean()
    here = level[:size]
    later = np.stack([level[lag:lag + size] for lag in lags])
    quiet = FLOOR * size
    return lags, later @ here / np.sqrt((here @ here + quiet) * ((later**2).sum(1) + quiet))


def pitch(frame, rate):
    """Pitch and strength, (0, 0) where no lag stands out."""
    lags, c = correlations(frame, rate)
    inner = c[1:-1]
    tops = (inner > 0) & (inner > c[:-2]) & (inner >= c[2:])
    if not tops.any():
        return 0.0, 0.0
    score = np.where(tops, inner * (1 - 0.3 * lags[1:-1] / np.ceil(rate / 75)), -np.inf)
    best = int(score.argmax()) + 1
    # The parabola through the top and its neighbours, by its coefficients.
    a, b, height = np.polyfit([-1, 0, 1], c[best - 1:best + 2], 2)
    offset = -b / (2 * a)
    return rate / (lags[best] + offset), float(np.clip(np.polyval([a, b, height], offset), 0, 1))


def changes(values):
    return [2 * abs(a - b) / (a + b) for a, b in values]


def functionals(contour):
    contour = np.asarray(contour, dtype=np.float64)
    if contour.size == 0:
        return [0.0] * 6
    mean, std = contour.mean(), contour.std()
    level = std <= 1e-9 * (1 + abs(mean))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shape = [0.0, 0.0] if level else [stats.skew(contour), stats.kurtosis(contour)]
    return [mean, 0.0 if level else std, contour.min(), contour.max(), *shape]


def row(window, rate):
    size, hop = rate // 40, rate // 100
    n_fft = 1 << (size - 1).bit_length()
    count = max(len(window) - size, 0) // hop + 1
    block = np.zeros((count - 1) * hop + size)
    usable = window[:len(block)].astype(np.float64)
    block[:len(usable)] = usable

    frames = psf.sigproc.framesig(block, size, hop)
    assert frames.shape == (count, size), frames.shape
    powers = psf.sigproc.powspec(frames * np.hamming(size), n_fft)
    hz = librosa.fft_frequencies(sr=rate, n_fft=n_fft)

    bark = np.stack([powers[:, (hz >= low) & (hz < high)].sum(1) for low, high in zip(BARK_HZ, BARK_HZ[1:])], 1)
    mfcc = psf.mfcc(block, rate, winlen=size / rate, winstep=hop / rate, numcep=13, nfilt=26, nfft=n_fft, preemph=0.97,
                    ceplifter=22, appendEnergy=False, winfunc=np.hamming)[:, 1:]
    assert mfcc.shape == (count, 12), mfcc.shape

    pitches = [pitch(frame, rate) for frame in frames]
    voiced = [found if found[1] >= 0.5 else None for found in pitches]
    heard = [found for found in voiced if found]
    shares = [np.clip(strength, 1e-4, 1 - 1e-4) for _, strength in heard]
    pairs = [(i, i + 1) for i in range(count - 1) if voiced[i] and voiced[i + 1]]
    peaks = np.abs(frames).max(1)

    magnitudes = np.sqrt(powers).T
    shares_of_sum = magnitudes / magnitudes.sum(0)
    middle = (hz >= 50) & (hz < 5000)

    def band(low, high):
        return powers[:, (hz >= low) & (hz < high)]

    delta = psf.delta(mfcc, 2)
    contours = [
        logs(librosa.feature.rms(y=block, frame_length=size, hop_length=hop, center=False,
                                 dtype=np.float64)[0] ** 2),
        librosa.feature.zero_crossing_rate(block, frame_length=size, hop_length=hop, center=False)[0],
        [f0 for f0, _ in heard],
        [strength for _, strength in pitches],
        [10 * np.log10(share / (1 - share)) for share in shares],
        changes([(1 / voiced[i][0], 1 / voiced[j][0]) for i, j in pairs]),
        changes([(peaks[i], peaks[j]) for i, j in pairs]),
        librosa.feature.spectral_centroid(S=magnitudes, sr=rate)[0],
        librosa.feature.spectral_bandwidth(S=magnitudes, sr=rate)[0],
        librosa.feature.spectral_rolloff(S=magnitudes, sr=rate, roll_percent=0.85)[0],
        librosa.feature.spectral_flatness(S=magnitudes, amin=FLOOR, power=2.0)[0],
        stats.entropy(np.maximum(powers, FLOOR), axis=1, base=powers.shape[1]),
        np.polyfit(hz[middle] / 1000, logs(powers[:, middle]).T, 1)[0],
        logs(band(50, 1000).sum(1)) - logs(band(1000, 5000).sum(1)),
        logs(band(0, 2000).max(1)) - logs(band(2000, 5000).max(1)),
        np.linalg.norm(np.diff(shares_of_sum, axis=1), axis=0),
        np.linalg.norm(delta, axis=1),
        np.linalg.norm(psf.delta(delta, 2), axis=1),
    ]
    values = [*logs(bark).mean(0), *mfcc.mean(0), *np.concatenate([functionals(c) for c in contours])]
    assert len(values) == 142 and np.isfinite(values).all()
    return [float(f"{value:.9g}") for value in values]


def case(kind, rate, count):
    samples = waveform(kind, rate, count)
    size = rate * 2 // 5
    rows = [row(samples[start:start + size], rate) for start in range(0, count, size)]
    return {"waveform": kind, "sample_rate": rate, "samples": count, "rows": rows}


def main():
    libraries = ["numpy", "scipy", "python_speech_features", "librosa"]
    reference = {
        "seed": SEED,
        "libraries": {name: version(name) for name in libraries},
        # 1 s: two whole windows and a half. 8 kHz and 44.1 kHz: bands that are cut, frames of other sizes, and at
        # 44.1 kHz a last window of less than a frame.
        "cases": [
            case("sine", 16_000, 16_000),
            case("chirp", 16_000, 16_000),
            case("voice", 16_000, 16_000),
            case("noise", 16_000, 16_000),
            case("voice", 8_000, 5_000),
            case("chirp", 44_100, 18_500),
        ],
    }
    text = json.dumps(reference, separators=(",", ":")).replace('{"waveform', '\n{"waveform')
    Path(__file__).with_name("reference.json").write_text(text + "\n")


main()
