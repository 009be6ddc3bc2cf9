// Sends the microphone's samples, mixed to one channel, to the page in blocks, each with the time at which it ended on
// the audio clock, in seconds.
const BLOCK = 1024;

class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Float32Array(BLOCK);
    this.filled = 0;
  }

  process([input]) {
    if (input.length === 0) return true;
    for (let i = 0; i < input[0].length; i++) {
      let sum = 0;
      for (const channel of input) sum += channel[i];
      this.block[this.filled++] = sum / input.length;
      if (this.filled === BLOCK) {
        const end = currentTime + (i + 1) / sampleRate;
        this.port.postMessage([this.block, end], [this.block.buffer]);
        this.block = new Float32Array(BLOCK);
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("mesm-microphone", Microphone);
