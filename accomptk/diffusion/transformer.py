"""The banded-causal transformer over three token streams, in one pass and cached.

*Context* tokens attend to context, *history* tokens to history, each frame to the last
``frames`` frames of its own stream. *Noisy* tokens of a chunk attend to each other, to history
before the chunk and to context heard so far. Sigma, prompt, beat and geometry condition only
the noisy tokens, so no steering makes a cache stale. All streams share their weights.

Under each noisy token lies its *echo*: the context of that very frame where it was heard, and
context and history of the same place some bars before (``accomptk.conditions.bars``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, rms_norm, scaled_dot_product_attention, silu

from accomptk.conditions.bars import (
    LAGS_BARS,
    OVERTONE_FEATURES,
    REACH_FRAMES,
    bar_frames,
    earlier,
    look_up,
    overtones,
)
from accomptk.conditions.controls import CONTROL_FEATURES
from accomptk.conditions.grid import BEAT_FEATURES
from accomptk.conditions.harmony import HARMONY_FEATURES
from accomptk.conditions.sounds import SOUND_FEATURES
from accomptk.window import Chunk

SOUND_GAIN = 4.0  # on a sound; steps of one size then teach it as much sooner
GEOMETRY = 4  # hop, gap, frame since heard, frame in chunk
ROWS = BEAT_FEATURES + HARMONY_FEATURES + CONTROL_FEATURES + OVERTONE_FEATURES


@dataclass(frozen=True, slots=True)
class Layout:
    """Which chunk each frame of the noisy stream belongs to; frames count from the excerpt.

    Args:
        start: First frame of its chunk, [B, T].
        end: Frame after its chunk, [B, T].
        heard: Context frames heard when it is made, [B, T]; 0 hears nothing.
        history: First frame of the history stream that exists, [B].
    """

    start: Tensor
    end: Tensor
    heard: Tensor
    history: Tensor

    @classmethod
    def of_chunk(cls, chunk: Chunk, batch: int, device: torch.device | None = None) -> "Layout":
        """The layout of one chunk alone, as a stream makes it."""
        start, end, heard = (
            torch.full((batch, chunk.hop), frame, device=device)
            for frame in (chunk.start, chunk.end, chunk.heard)
        )
        return cls(start, end, heard, torch.zeros(batch, dtype=torch.long, device=device))

    def to(self, device: torch.device) -> "Layout":
        """The same on a device."""
        return Layout(
            *(part.to(device) for part in (self.start, self.end, self.heard, self.history))
        )

    def geometry(self, first: int) -> Tensor:
        """Hop, gap and place of each frame in units of 36 frames, [B, T, GEOMETRY].

        A chunk that hears nothing has no gap: its frames count from its own start.
        """
        last = first + self.start.shape[1]
        frame = torch.arange(first, last, device=self.start.device).expand_as(self.start)
        origin = torch.where(self.heard > 0, self.heard, self.start)
        rows = [self.end - self.start, self.start - origin, frame - origin, frame - self.start]
        return torch.stack(rows, -1).to(torch.float32) / 36


@dataclass(frozen=True, slots=True)
class Conditions:
    """What steers the noisy tokens besides audio.

    Args:
        instrument: Index into INSTRUMENTS, [B].
        prompt: Bag of words, [B, words]; all zero is no prompt.
        beats: Rows of ``accomptk.conditions.grid``, [B, BEAT_FEATURES, T]; all zero is no beat.
        harmony: Rows of ``accomptk.conditions.harmony``, [B, HARMONY_FEATURES, T]; all zero is
            none.
        controls: Rows of ``accomptk.conditions.controls``, [B, CONTROL_FEATURES, T]; all zero
            leaves all free.
        sound: One of ``accomptk.conditions.sounds``, [B, SOUND_FEATURES]; all zero is any.
    """

    instrument: Tensor
    prompt: Tensor
    beats: Tensor
    harmony: Tensor
    controls: Tensor
    sound: Tensor

    def __post_init__(self) -> None:
        rows = [part.shape[1] for part in (self.beats, self.harmony, self.controls)]
        assert rows == [BEAT_FEATURES, HARMONY_FEATURES, CONTROL_FEATURES], rows

    @classmethod
    def free(cls, instrument: Tensor, words: int, frames: int) -> "Conditions":
        """An instrument [B] and nothing else, for a vocabulary and a number of frames."""
        beats, harmony, controls = (
            torch.zeros(len(instrument), size, frames, device=instrument.device)
            for size in (BEAT_FEATURES, HARMONY_FEATURES, CONTROL_FEATURES)
        )
        prompt = torch.zeros(len(instrument), words, device=instrument.device)
        sound = torch.zeros(len(instrument), SOUND_FEATURES, device=instrument.device)
        return cls(instrument, prompt, beats, harmony, controls, sound)

    @property
    def rows(self) -> Tensor:
        """What is known of each frame, [B, T, ROWS]."""
        rows = [self.beats, self.harmony, self.controls, overtones(self.beats)]
        return torch.cat(rows, 1).transpose(1, 2)

    def map(self, change: Callable[[Tensor], Tensor]) -> "Conditions":
        """The same with each tensor changed."""
        return Conditions(**{f.name: change(getattr(self, f.name)) for f in fields(self)})

    def to(self, device: torch.device) -> "Conditions":
        """The same on a device."""
        return self.map(lambda part: part.to(device))


@dataclass(slots=True)
class Cache:
    """What is kept of one stream.

    Keys are kept unrotated: positions are taken relative to the step that reads them, so a
    stream of any length computes with small angles.

    Args:
        end: Frames of the stream so far.
        blocks: Keys and values of the last frames, a pair per block, [B, H, n, D].
        latents: The last ``REACH_FRAMES`` as they were, [B, C, n], for echoes.
    """

    end: int = 0
    blocks: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    latents: Tensor | None = None

    @property
    def length(self) -> int:
        """Frames held; they are the last before ``end``."""
        return self.blocks[0][0].shape[2] if self.blocks else 0

    def positions(self) -> Tensor:
        """Frame number of each cached key."""
        return torch.arange(self.end - self.length, self.end)


@dataclass(frozen=True, slots=True)
class Past:
    """What a chunk attends to besides itself; the same for all evaluations of the chunk.

    Args:
        chunk: The chunk.
        blocks: Keys, rotated relative to the chunk's start, and values, a pair per block,
            [B, H, n, D].
        echo: What the echoes add to the tokens, [B, hop, W].
    """

    chunk: Chunk
    blocks: tuple[tuple[Tensor, Tensor], ...]
    echo: Tensor


@dataclass(frozen=True, slots=True)
class Towers:
    """Context and history of whole excerpts as their chunks attend to them, at any noise.

    Args:
        latents: Context and history as they were, [E, C, T], for echoes.
        blocks: Rotated keys and values of both, a pair per block, [E, H, 2 T, D].
    """

    latents: tuple[Tensor, Tensor]
    blocks: tuple[tuple[Tensor, Tensor], ...]


Turns = tuple[Tensor, Tensor]
"""Cosine and signed sine of each dimension's angle at each position, [T, D]."""


def turns(positions: Tensor, size: int) -> Turns:
    """How far rotary embedding (Su et al. 2021) turns heads of a size D at positions [T]."""
    half = size // 2
    frequencies = 1000.0 ** (-torch.arange(half) / half)
    angles = positions.to(torch.float32)[:, None] * frequencies
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([cos, cos], -1), torch.cat([-sin, sin], -1)


def rotate(x: Tensor, by: Turns) -> Tensor:
    """Rotary embedding of x [B, H, T, D]; a dimension and the one D / 2 further are a pair."""
    first, second = x.chunk(2, -1)
    cos, sin = (part.to(x) for part in by)
    return torch.addcmul(x * cos, torch.cat([second, first], -1), sin)


def bias_of(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """A mask as what is added to logits, for `attend` to use plain products."""
    return torch.zeros(mask.shape, dtype=dtype).masked_fill_(~mask, -torch.inf)


def attend(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """Attention under a mask [T, S] or [B, 1, T, S], queries [B, H, T, D], the rest [B, H, S, D].

    Where a CPU trains in 16 bits, plain products are twice as fast as torch's fused attention; they
    take a mask of biases.
    """
    if mask.dtype == torch.bool:
        return scaled_dot_product_attention(query, keys, values, attn_mask=mask)
    batch, heads, frames, size = query.shape
    shape = (batch, heads, frames, keys.shape[2])
    logits = torch.baddbmm(
        mask.expand(shape).flatten(0, 1),
        query.flatten(0, 1) * size**-0.5,
        keys.flatten(0, 1).transpose(1, 2),
    )
    return (logits.softmax(-1) @ values.flatten(0, 1)).view(batch, heads, frames, size)


def append(old: Tensor | None, new: Tensor, frames: int) -> Tensor:
    """The last ``frames`` of a stream's latents, [B, C, n], after new ones came."""
    return (new if old is None else torch.cat([old, new], 2))[:, :, -frames:]


def repeat(x: Tensor, each: int) -> Tensor:
    """Every item of the batch ``each`` times in a row."""
    return x if each == 1 else x.repeat_interleave(each, 0)


class Block(nn.Module):
    """Attention and MLP, both modulated by the condition (Peebles & Xie 2023).

    The MLP squares what it rectifies (So et al. 2021): as good as a GELU, and cheaper.

    The projection of the condition is shared by all blocks, each adds a table of its own (Chen
    et al. 2024).
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))
        self.q_norm, self.k_norm = (nn.RMSNorm(width // heads) for _ in range(2))
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.offsets = nn.Parameter(torch.zeros(6, width))

    def table(self, modulation: Tensor) -> Tensor:
        """The condition's projection with this block's own offsets, [B, T, 6, W]."""
        return modulation + self.offsets.to(modulation.dtype)

    def qkv(self, x: Tensor, modulation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys (normalised, unrotated) and values of x [B, T, W], each [B, H, T, D]."""
        shift, scale = modulation[..., 0, :], modulation[..., 1, :]
        x = self.norm(x) * (1 + scale) + shift
        q, k, v = (
            part(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.q, self.k, self.v)
        )
        return self._unit(self.q_norm, q), self._unit(self.k_norm, k), v

    @staticmethod
    def _unit(norm: nn.RMSNorm, x: Tensor) -> Tensor:
        return rms_norm(x, norm.normalized_shape, norm.weight.to(x.dtype))

    def finish(self, x: Tensor, attended: Tensor, modulation: Tensor) -> Tensor:
        """Add the attended values and the MLP to x [B, T, W]."""
        gate, shift, scale, mlp_gate = modulation[..., 2:, :].unbind(-2)
        x = x + gate * self.o(attended.transpose(1, 2).flatten(2))
        hidden = relu(self.up(self.norm(x) * (1 + scale) + shift))
        out: Tensor = x + mlp_gate * self.down(hidden * hidden)
        return out


class Blocks(nn.ModuleList):
    """A list of blocks whose items are known to be blocks.

    Args:
        depth: How many.
        width: Token width.
        heads: Attention heads.
    """

    def __init__(self, depth: int, width: int, heads: int) -> None:
        super().__init__(Block(width, heads) for _ in range(depth))

    def __iter__(self) -> Iterator[Block]:
        """The blocks in order."""
        return cast("Iterator[Block]", super().__iter__())


class StreamTransformer(nn.Module):
    """F of the denoiser, for whole excerpts (``forward``) and for streams (the others).

    Args:
        channels: Latent channels C.
        width: Token width W.
        depth: Blocks.
        heads: Attention heads.
        frames: Reach of attention, ``Window.frames``.
        instruments: Number of instruments.
        words: Size of the prompt vocabulary.
    """

    def __init__(
        self,
        *,
        channels: int,
        width: int,
        depth: int,
        heads: int,
        frames: int,
        instruments: int,
        words: int,
    ) -> None:
        super().__init__()
        self.channels, self.width, self.frames, self.words = channels, width, frames, words
        self.heads, self.head = heads, width // heads
        self.context_in, self.history_in, self.noisy_in = (
            nn.Linear(channels, width) for _ in range(3)
        )
        self.echo_in = nn.Linear((1 + 2 * len(LAGS_BARS)) * (channels + 1), width, bias=False)
        self.stream = nn.Parameter(torch.randn(3, width) * 0.02)
        self.instrument = nn.Embedding(instruments, width)
        self.prompt = nn.Linear(words, width, bias=False)
        self.frame = nn.Sequential(
            nn.Linear(ROWS + GEOMETRY, width), nn.SiLU(), nn.Linear(width, width)
        )
        self.sigma = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))
        self.modulation = nn.Linear(width, 6 * width)
        self.blocks = Blocks(depth, width, heads)
        self.norm_out = nn.LayerNorm(width, elementwise_affine=False)
        self.out = nn.Linear(width, channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        nn.init.normal_(self.instrument.weight, std=0.5)
        nn.init.normal_(self.prompt.weight, std=0.2)
        # The last, so that a seed gives all others what it gave them before there was a sound.
        self.sound = nn.Linear(SOUND_FEATURES, width, bias=False)
        nn.init.zeros_(self.sound.weight)

    def forward(
        self,
        x: Tensor,
        c_noise: Tensor,
        context: Tensor,
        history: Tensor,
        layout: Layout,
        conditions: Conditions,
    ) -> Tensor:
        """One pass over whole excerpts, as training sees them.

        Several noisy draws of an excerpt share its towers: B is a multiple of E, and the draws
        of one excerpt follow each other.

        Args:
            x: Scaled noisy target, [B, C, T].
            c_noise: EDM's noise input of each frame, [B, T].
            context: Context latents, [E, C, T].
            history: Clean target latents (noise-augmented in training), [E, C, T].
            layout: The chunks of each excerpt.
            conditions: What steers them; ``instrument`` may be [E] or [E, T].

        Returns:
            F(x) of each frame, [B, C, T]; meaningless outside the chunks.
        """
        towers = self.listen(context, history, layout, conditions.instrument)
        return self.make(x, c_noise, towers, layout, conditions)

    def listen(
        self, context: Tensor, history: Tensor, layout: Layout, instrument: Tensor
    ) -> Towers:
        """The work of a pass that does not depend on the noise; arguments as of ``forward``."""
        context_mask, history_mask = tower_masks(layout, self.frames)
        streams = [
            self._in_16_bits(*self._context_tokens(context), context_mask),
            self._in_16_bits(*self._history_tokens(history, instrument), history_mask),
        ]
        by = turns(torch.arange(context.shape[2]), self.head)
        blocks = []
        for index, block in enumerate(self.blocks):
            tables = [block.table(modulation) for _, modulation, _ in streams]
            heads = [block.qkv(x, table) for (x, *_), table in zip(streams, tables, strict=True)]
            keys = [rotate(k, by) for _, k, _ in heads]
            values = [v for *_, v in heads]
            blocks.append((torch.cat(keys, 2), torch.cat(values, 2)))
            if index + 1 == len(self.blocks):
                break  # nobody reads the last block's output of a tower
            for which, (x, modulation, mask) in enumerate(streams):
                query = rotate(heads[which][0], by)
                attended = attend(query, keys[which], values[which], mask)
                streams[which] = block.finish(x, attended, tables[which]), modulation, mask
        return Towers((context, history), tuple(blocks))

    def make(
        self,
        x: Tensor,
        c_noise: Tensor,
        towers: Towers,
        layout: Layout,
        conditions: Conditions,
    ) -> Tensor:
        """The rest of a pass; arguments as of ``forward``."""
        each = x.shape[0] // len(towers.latents[0])
        geometry = repeat(layout.geometry(0), each)
        steering = conditions.map(lambda part: repeat(part, each))
        echo = self._echo(layout, 0, conditions.beats, *((part, 0) for part in towers.latents))
        tokens, modulation, mask = self._in_16_bits(
            *self._noisy_tokens(x, c_noise, geometry, steering, repeat(echo, each)),
            repeat(noisy_mask(layout, self.frames), each),
        )
        by = turns(torch.arange(x.shape[2]), self.head)
        for block, (keys, values) in zip(self.blocks, towers.blocks, strict=True):
            table = block.table(modulation)
            q, k, v = block.qkv(tokens, table)
            attended = attend(
                rotate(q, by),
                torch.cat([repeat(keys, each), rotate(k, by)], 2),
                torch.cat([repeat(values, each), v], 2),
                mask,
            )
            tokens = block.finish(tokens, attended, table)
        return self._emit(tokens)

    def extend_context(self, cache: Cache, latents: Tensor) -> None:
        """Hear frames [B, C, n] that follow ``cache.end``; the cache keeps the last ``frames``."""
        self._extend(cache, latents, *self._context_tokens(latents))

    def extend_history(self, cache: Cache, latents: Tensor, instrument: Tensor) -> None:
        """Remember frames [B, C, n] that follow ``cache.end``, played by ``instrument`` [B]."""
        self._extend(cache, latents, *self._history_tokens(latents, instrument))

    def recall(self, context: Cache, history: Cache, chunk: Chunk, beats: Tensor) -> Past:
        """What each stream may attend to while it plays a chunk with these beat rows.

        Args:
            context: What was heard; streams may share it.
            history: What each played.
            chunk: The chunk.
            beats: Its beat rows, [B, BEAT_FEATURES, hop].
        """
        streams = len(beats)
        shape = (streams, self.heads, 0, self.head)
        nothing = self.out.weight.new_zeros(shape)
        seen = [[(nothing, nothing)] * len(self.blocks)]  # a stream may have seen nothing else
        seen += [self._reach(cache, chunk, streams) for cache in (context, history) if cache.blocks]
        blocks = []
        for pairs in zip(*seen, strict=True):
            keys, values = zip(*pairs, strict=True)
            blocks.append((torch.cat(keys, 2), torch.cat(values, 2)))
        layout = Layout.of_chunk(chunk, streams, beats.device)
        kept = [self._kept(cache, streams) for cache in (context, history)]
        return Past(chunk, tuple(blocks), self._echo(layout, chunk.start, beats, *kept))

    def play(self, x: Tensor, c_noise: Tensor, past: Past, conditions: Conditions) -> Tensor:
        """F of one chunk's frames x [B, C, hop] and its past, [B, C, hop]."""
        chunk = past.chunk
        layout = Layout.of_chunk(chunk, x.shape[0], x.device)
        tokens, modulation = self._noisy_tokens(
            x, c_noise, layout.geometry(chunk.start), conditions, past.echo
        )
        by = turns(torch.arange(chunk.hop), self.head)
        for block, (keys, values) in zip(self.blocks, past.blocks, strict=True):
            table = block.table(modulation)
            q, k, v = block.qkv(tokens, table)
            attended = scaled_dot_product_attention(
                rotate(q, by),
                torch.cat([rotate(k, by), keys], 2),
                torch.cat([v, values], 2),
            )
            tokens = block.finish(tokens, attended, table)
        return self._emit(tokens)

    def _reach(self, cache: Cache, chunk: Chunk, streams: int) -> list[tuple[Tensor, Tensor]]:
        """Rotated keys and the values of each block that the chunk may attend to."""
        first = min(max(chunk.end - self.frames, cache.end - cache.length), cache.end)
        by = turns(torch.arange(first, cache.end) - chunk.start, self.head)
        reach = []
        for block in cache.blocks:
            k, v = (part[:, :, part.shape[2] - (cache.end - first) :] for part in block)
            each = streams // k.shape[0]  # instruments that share a context
            reach.append((repeat(rotate(k, by), each), repeat(v, each)))
        return reach

    def _kept(self, cache: Cache, streams: int) -> tuple[Tensor, int]:
        """The latents that a cache keeps, for each stream, and the number of their first frame."""
        if cache.latents is None:
            return self.out.weight.new_zeros(streams, self.channels, 0), cache.end
        latents = repeat(cache.latents, streams // len(cache.latents))
        return latents, cache.end - latents.shape[2]

    def _echo(
        self,
        layout: Layout,
        first: int,
        beats: Tensor,
        context: tuple[Tensor, int],
        history: tuple[Tensor, int],
    ) -> Tensor:
        """What echoes add to the noisy tokens from frame ``first`` on, [B, T, W].

        Context and history are latents [B, C, n] and the number of their first frame.
        """
        time = torch.arange(first, first + beats.shape[2], device=beats.device)
        bar = bar_frames(beats, layout.start - first)
        before = earlier(bar, first, layout.end)
        now = time.expand(len(beats), 1, -1)
        heard, start = (part.unsqueeze(1) for part in (layout.heard, layout.start))
        exists = layout.history[:, None, None]
        sources = torch.cat([now, before], 1)
        rows = [
            look_up(*context, sources, sources < heard),
            look_up(*history, before, (before < start) & (before >= exists)),
        ]
        echo: Tensor = self.echo_in(torch.cat(rows, 1).transpose(1, 2))
        return echo

    def _extend(self, cache: Cache, latents: Tensor, tokens: Tensor, modulation: Tensor) -> None:
        new = torch.arange(cache.end, cache.end + tokens.shape[1])
        positions = torch.cat([cache.positions(), new])
        ahead = new[:, None] - positions[None, :]
        mask = ((ahead >= 0) & (ahead < self.frames)).to(tokens.device)
        by, own = (turns(part - new[0], self.head) for part in (positions, new))
        blocks: list[tuple[Tensor, Tensor]] = []
        for index, block in enumerate(self.blocks):
            table = block.table(modulation)
            q, k, v = block.qkv(tokens, table)
            if cache.blocks:
                k = torch.cat([cache.blocks[index][0], k], 2)
                v = torch.cat([cache.blocks[index][1], v], 2)
            blocks.append((k[:, :, -self.frames :], v[:, :, -self.frames :]))
            if index + 1 == len(self.blocks):
                break  # nobody reads the last block's output of a tower
            attended = scaled_dot_product_attention(
                rotate(q, own), rotate(k, by), v, attn_mask=mask
            )
            tokens = block.finish(tokens, attended, table)
        cache.blocks, cache.end = blocks, int(new[-1]) + 1
        cache.latents = append(cache.latents, latents, REACH_FRAMES)

    @staticmethod
    def _in_16_bits(
        tokens: Tensor, modulation: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The same in 16 bits under autocast.

        Most of a step is spent on moving activations: those of 16 bits move in half the time.
        """
        device = tokens.device.type
        if not torch.is_autocast_enabled(device):
            return tokens, modulation, mask
        dtype = torch.get_autocast_dtype(device)
        mask = bias_of(mask, dtype) if device == "cpu" else mask
        return tokens.to(dtype), modulation.to(dtype), mask

    def _context_tokens(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        tokens = self.context_in(latents.transpose(1, 2)) + self.stream[0]
        return tokens, self._modulate(self.stream[0].expand(latents.shape[0], 1, -1))

    def _history_tokens(self, latents: Tensor, instrument: Tensor) -> tuple[Tensor, Tensor]:
        who = self._who(instrument)
        tokens = self.history_in(latents.transpose(1, 2)) + self.stream[1]
        return tokens, self._modulate(self.stream[1] + who)

    def _noisy_tokens(
        self, x: Tensor, c_noise: Tensor, geometry: Tensor, conditions: Conditions, echo: Tensor
    ) -> tuple[Tensor, Tensor]:
        frame = self.frame(torch.cat([conditions.rows, geometry], -1))
        prompt, sound = (
            part if part.dim() == 3 else part.unsqueeze(1)
            for part in (self.prompt(conditions.prompt), self.sound(SOUND_GAIN * conditions.sound))
        )
        tokens = self.noisy_in(x.transpose(1, 2)) + frame + echo + sound + self.stream[2]
        who = self._who(conditions.instrument)
        steering = self.sigma(fourier(c_noise)) + who + prompt + sound + frame
        return tokens, self._modulate(self.stream[2] + steering)

    def _who(self, instrument: Tensor) -> Tensor:
        who: Tensor = self.instrument(instrument)
        return who if who.dim() == 3 else who.unsqueeze(1)

    def _modulate(self, condition: Tensor) -> Tensor:
        projected: Tensor = self.modulation(silu(condition))
        return projected.reshape(*projected.shape[:-1], 6, self.width)

    def _emit(self, tokens: Tensor) -> Tensor:
        emitted: Tensor = self.out(self.norm_out(tokens))
        return emitted.transpose(1, 2)


def fourier(c_noise: Tensor) -> Tensor:
    """Sine and cosine features of the noise level, [B, T] -> [B, T, 64]."""
    frequencies = torch.exp2(torch.arange(32) / 4 - 2).to(c_noise.device)
    angles = c_noise.unsqueeze(-1) * frequencies
    return torch.cat([angles.sin(), angles.cos()], -1)


def tower_masks(layout: Layout, frames: int) -> tuple[Tensor, Tensor]:
    """Who may attend to whom in the towers: context [T, T], history [B, 1, T, T].

    A masked row would be undefined, so every token may always attend to itself; history
    frames that do not exist attend to themselves and are attended to by nobody.
    """
    time = torch.arange(layout.start.shape[1], device=layout.start.device)
    ahead = time[:, None] - time[None, :]
    band = (ahead >= 0) & (ahead < frames)
    exists = time[None, :] >= layout.history[:, None]
    history = (band & exists[:, None, :]) | (ahead == 0)
    return band, history.unsqueeze(1)


def noisy_mask(layout: Layout, frames: int) -> Tensor:
    """Which frames of context, history and its own stream a noisy token reads, [B, 1, T, 3 T]."""
    time = torch.arange(layout.start.shape[1], device=layout.start.device)
    exists = time[None, :] >= layout.history[:, None]
    start, end, heard = (part.unsqueeze(-1) for part in (layout.start, layout.end, layout.heard))
    near = time >= end - frames
    parts = [
        (time < heard) & near,
        (time < start) & near & exists[:, None, :],
        layout.start[:, :, None] == layout.start[:, None, :],
    ]
    return torch.cat(parts, -1).unsqueeze(1)
