//! P-net, R-net and O-net.
//!
//! Field names are the keys of the state dicts. Inputs are RGB, `(value - 127.5) / 128`. Every
//! pool counts the incomplete window at its end, and where maps become vectors they are read
//! column by column (`[batch, width, height, channels]`): both as facenet-pytorch does, whose
//! weights came from a framework with that layout.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig, PRelu, PReluConfig};
use burn::tensor::activation::softmax;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor};

/// The three networks of the cascade.
#[derive(Module, Debug)]
pub struct MtcnnNets {
    /// Proposes.
    pub pnet: PNet,
    /// Refines.
    pub rnet: RNet,
    /// Decides.
    pub onet: ONet,
}

impl MtcnnNets {
    /// Networks with arbitrary parameters.
    #[must_use]
    pub fn new(device: &Device) -> Self {
        Self {
            pnet: PNet::new(device),
            rnet: RNet::new(device),
            onet: ONet::new(device),
        }
    }
}

/// The proposal network: fully convolutional, one view of 12x12 a position, two pixels apart.
#[derive(Module, Debug)]
pub struct PNet {
    conv1: Conv2d,
    prelu1: PRelu,
    conv2: Conv2d,
    prelu2: PRelu,
    conv3: Conv2d,
    prelu3: PRelu,
    conv4_1: Conv2d,
    conv4_2: Conv2d,
}

/// What [`PNet`] says of each position.
#[derive(Debug, Clone)]
pub struct PNetOutput {
    /// Corrections of the four edges in sides of the view, `[batch, 4, height, width]`.
    pub regression: Tensor<4>,
    /// Probabilities of no face and of a face, `[batch, 2, height, width]`.
    pub probability: Tensor<4>,
}

impl PNet {
    /// A network with arbitrary parameters.
    #[must_use]
    pub fn new(device: &Device) -> Self {
        Self {
            conv1: conv(3, 10, 3, device),
            prelu1: prelu(10, device),
            conv2: conv(10, 16, 3, device),
            prelu2: prelu(16, device),
            conv3: conv(16, 32, 3, device),
            prelu3: prelu(32, device),
            conv4_1: conv(32, 2, 1, device),
            conv4_2: conv(32, 4, 1, device),
        }
    }

    /// `[batch, 3, height, width]`, both at least 12, to one answer a position.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> PNetOutput {
        let x = pool(self.prelu1.forward(self.conv1.forward(x)), 2);
        let x = self.prelu2.forward(self.conv2.forward(x));
        let x = self.prelu3.forward(self.conv3.forward(x));
        PNetOutput {
            probability: softmax(self.conv4_1.forward(x.clone()), 1),
            regression: self.conv4_2.forward(x),
        }
    }
}

/// The refining network, on 24x24.
#[derive(Module, Debug)]
pub struct RNet {
    conv1: Conv2d,
    prelu1: PRelu,
    conv2: Conv2d,
    prelu2: PRelu,
    conv3: Conv2d,
    prelu3: PRelu,
    dense4: Linear,
    prelu4: PRelu,
    dense5_1: Linear,
    dense5_2: Linear,
}

/// What [`RNet`] says of each candidate.
#[derive(Debug, Clone)]
pub struct RNetOutput {
    /// Corrections of the four edges in sides of the box, `[batch, 4]`.
    pub regression: Tensor<2>,
    /// Probabilities of no face and of a face, `[batch, 2]`.
    pub probability: Tensor<2>,
}

impl RNet {
    /// Side of its input, pixels.
    pub const SIDE: usize = 24;

    /// A network with arbitrary parameters.
    #[must_use]
    pub fn new(device: &Device) -> Self {
        Self {
            conv1: conv(3, 28, 3, device),
            prelu1: prelu(28, device),
            conv2: conv(28, 48, 3, device),
            prelu2: prelu(48, device),
            conv3: conv(48, 64, 2, device),
            prelu3: prelu(64, device),
            dense4: LinearConfig::new(576, 128).init(device),
            prelu4: prelu(128, device),
            dense5_1: LinearConfig::new(128, 2).init(device),
            dense5_2: LinearConfig::new(128, 4).init(device),
        }
    }

    /// `[batch, 3, 24, 24]` to one answer a candidate.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> RNetOutput {
        let x = pool(self.prelu1.forward(self.conv1.forward(x)), 3);
        let x = pool(self.prelu2.forward(self.conv2.forward(x)), 3);
        let x = self.prelu3.forward(self.conv3.forward(x));
        let x = self.prelu4.forward(self.dense4.forward(by_columns(x)));
        RNetOutput {
            probability: softmax(self.dense5_1.forward(x.clone()), 1),
            regression: self.dense5_2.forward(x),
        }
    }
}

/// The deciding network, on 48x48.
#[derive(Module, Debug)]
pub struct ONet {
    conv1: Conv2d,
    prelu1: PRelu,
    conv2: Conv2d,
    prelu2: PRelu,
    conv3: Conv2d,
    prelu3: PRelu,
    conv4: Conv2d,
    prelu4: PRelu,
    dense5: Linear,
    prelu5: PRelu,
    dense6_1: Linear,
    dense6_2: Linear,
    dense6_3: Linear,
}

/// What [`ONet`] says of each candidate.
#[derive(Debug, Clone)]
pub struct ONetOutput {
    /// Corrections of the four edges in sides of the box, `[batch, 4]`.
    pub regression: Tensor<2>,
    /// Eyes, nose and corners of the mouth in sides of the box: five x, then five y,
    /// `[batch, 10]`.
    pub landmarks: Tensor<2>,
    /// Probabilities of no face and of a face, `[batch, 2]`.
    pub probability: Tensor<2>,
}

impl ONet {
    /// Side of its input, pixels.
    pub const SIDE: usize = 48;

    /// A network with arbitrary parameters.
    #[must_use]
    pub fn new(device: &Device) -> Self {
        Self {
            conv1: conv(3, 32, 3, device),
            prelu1: prelu(32, device),
            conv2: conv(32, 64, 3, device),
            prelu2: prelu(64, device),
            conv3: conv(64, 64, 3, device),
            prelu3: prelu(64, device),
            conv4: conv(64, 128, 2, device),
            prelu4: prelu(128, device),
            dense5: LinearConfig::new(1152, 256).init(device),
            prelu5: prelu(256, device),
            dense6_1: LinearConfig::new(256, 2).init(device),
            dense6_2: LinearConfig::new(256, 4).init(device),
            dense6_3: LinearConfig::new(256, 10).init(device),
        }
    }

    /// `[batch, 3, 48, 48]` to one answer a candidate.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> ONetOutput {
        let x = pool(self.prelu1.forward(self.conv1.forward(x)), 3);
        let x = pool(self.prelu2.forward(self.conv2.forward(x)), 3);
        let x = pool(self.prelu3.forward(self.conv3.forward(x)), 2);
        let x = self.prelu4.forward(self.conv4.forward(x));
        let x = self.prelu5.forward(self.dense5.forward(by_columns(x)));
        ONetOutput {
            probability: softmax(self.dense6_1.forward(x.clone()), 1),
            regression: self.dense6_2.forward(x.clone()),
            landmarks: self.dense6_3.forward(x),
        }
    }
}

fn conv(inputs: usize, outputs: usize, side: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new([inputs, outputs], [side, side]).init(device)
}

fn prelu(channels: usize, device: &Device) -> PRelu {
    PReluConfig::new()
        .with_num_parameters(channels)
        .init(device)
}

fn pool(x: Tensor<4>, side: usize) -> Tensor<4> {
    let options = MaxPoolOptions::new([side, side])
        .with_stride([2, 2])
        .with_ceil_mode(true);
    max_pool2d(x, options)
}

/// `[batch, channels, height, width]` as `[batch, width * height * channels]`.
fn by_columns(x: Tensor<4>) -> Tensor<2> {
    x.permute([0, 3, 2, 1]).flatten(1, 3)
}
