//! FLAC files for the tests: whole blocks of 16-bit samples as they are, without prediction.

/// Samples of a block.
const BLOCK: usize = 4096;

/// Where the description of the stream lies: after the marker and the head of its block.
pub(super) fn streaminfo_at() -> usize {
    8
}

/// A FLAC file of these channels, all of the same length.
pub(super) fn flac(rate_hz: u32, channels: &[&[i16]]) -> Vec<u8> {
    let samples = channels[0].len();
    let mut bytes = b"fLaC\x80\0\0\x22".to_vec();
    let mut info = Bits::default();
    info.put(BLOCK as u64, 16);
    info.put(BLOCK as u64, 16);
    info.put(0, 24 + 24);
    info.put(u64::from(rate_hz), 20);
    info.put(channels.len() as u64 - 1, 3);
    info.put(16 - 1, 5);
    info.put(samples as u64, 36);
    bytes.extend(info.bytes);
    // No check sum of the samples.
    bytes.extend([0; 16]);
    for (number, start) in (0..samples).step_by(BLOCK).enumerate() {
        let end = samples.min(start + BLOCK);
        bytes.extend(frame(number as u64, channels, start, end));
    }
    bytes
}

fn frame(number: u64, channels: &[&[i16]], start: usize, end: usize) -> Vec<u8> {
    let mut frame = Bits::default();
    // Synchronisation, blocks of fixed size; size as 16 bits below, rate as in the description.
    frame.put(0b1111_1111_1111_1000, 16);
    frame.put(0b0111_0000, 8);
    frame.put(channels.len() as u64 - 1, 4);
    frame.put(0b1000, 4);
    assert!(number < 128, "the writer knows numbers of one byte");
    frame.put(number, 8);
    frame.put((end - start - 1) as u64, 16);
    let head = crc(&frame.bytes, 8, 0x07);
    frame.put(head, 8);
    for channel in channels {
        // A verbatim subframe.
        frame.put(0b0000_0010, 8);
        for sample in &channel[start..end] {
            frame.put(u64::from(*sample as u16), 16);
        }
    }
    let sum = crc(&frame.bytes, 16, 0x8005);
    frame.put(sum, 16);
    frame.bytes
}

fn crc(bytes: &[u8], width: u32, polynomial: u64) -> u64 {
    let mask = (1 << width) - 1;
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ (u64::from(*byte) << (width - 8)), |sum, _| {
            let carry = sum >> (width - 1) & 1;
            ((sum << 1) ^ (carry * polynomial)) & mask
        })
    })
}

/// Bits in the order of FLAC, the highest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u8,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: u64, width: u32) {
        for bit in (0..width).rev() {
            self.pending = self.pending << 1 | (value >> bit & 1) as u8;
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(self.pending);
                (self.pending, self.count) = (0, 0);
            }
        }
    }
}
