//! Weights as the product reads them, kept from call to call: laying out the paper's takes as long as a tenth of an
//! inference, and they do not change between two.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use burn::tensor::Bytes;

use super::{Values, slice};
use crate::cpu::{Kernel, Order};

/// What is kept of everybody's weights. A processor has few models at a time, of a few dozen layers each.
static KEPT: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

/// A kernel, and what it was made of.
///
/// As long as somebody points at a memory block, even weakly, no other one is at its place and nobody changes what is in
/// it: Rust gives `&mut` to the contents of an [`Arc`] only to one that is alone. So the same block has the same weights.
struct Kept {
    weights: Weak<Bytes>,
    view: View,
    order: Order,
    sizes: [usize; 3],
    scale: Vec<f32>,
    kernel: Arc<Kernel>,
}

/// Which part of the memory block, in which order.
#[derive(PartialEq, Eq)]
struct View {
    shape: Vec<usize>,
    strides: Vec<isize>,
    start: usize,
}

/// [`Kernel::new`] of `weights`, made once as long as they live; with another scale it is made anew.
pub(super) fn kernel(
    weights: &Values,
    order: Order,
    sizes: [usize; 3],
    scale: Option<&[f32]>,
) -> Option<Arc<Kernel>> {
    let block = weights.data_arc();
    let layout = weights.layout();
    let view = View {
        shape: layout.shape().to_vec(),
        strides: layout.strides().to_vec(),
        start: layout.start_offset(),
    };
    let is_this = |kept: &Kept| {
        std::ptr::eq(kept.weights.as_ptr(), Arc::as_ptr(&block))
            && kept.view == view
            && kept.order == order
            && kept.sizes == sizes
    };
    let known = {
        let all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.iter().find(|kept| is_this(kept));
        let found = found.filter(|kept| kept.scale == scale.unwrap_or_default());
        found.map(|kept| Arc::clone(&kept.kernel))
    };
    if known.is_some() {
        return known;
    }
    let values = weights.to_contiguous();
    let kernel = Arc::new(Kernel::new(slice(&values)?, order, sizes, scale));
    let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|kept| kept.weights.strong_count() > 0 && !is_this(kept));
    all.push(Kept {
        weights: Arc::downgrade(&block),
        view,
        order,
        sizes,
        scale: scale.unwrap_or_default().to_vec(),
        kernel: Arc::clone(&kernel),
    });
    Some(kernel)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};

    use super::*;
    use crate::flex::primitive;

    fn laid_out(weights: &Tensor<2>, scale: &[f32]) -> Arc<Kernel> {
        let values = primitive(weights).unwrap();
        let [depth, columns] = weights.dims();
        kernel(&values, Order::InOut, [1, depth, columns], Some(scale)).unwrap()
    }

    #[test]
    fn weights_are_laid_out_once() {
        let weights = Tensor::<2>::ones([3, 5], &Device::flex());
        let first = laid_out(&weights, &[1.0; 5]);
        assert!(Arc::ptr_eq(&first, &laid_out(&weights.clone(), &[1.0; 5])));
        let scaled = laid_out(&weights, &[2.0; 5]);
        assert!((scaled.panels[0] - 2.0).abs() < f32::EPSILON);
        // A view of the same memory is another matrix.
        let turned = weights.clone().transpose();
        assert!(!Arc::ptr_eq(&scaled, &laid_out(&turned, &[2.0; 3])));
    }

    #[test]
    fn changed_weights_are_laid_out_again() {
        let mut weights = Tensor::<2>::ones([3, 5], &Device::flex());
        for step in 1..20 {
            let kernel = laid_out(&weights, &[1.0; 5]);
            assert!((kernel.panels[0] - step as f32).abs() < f32::EPSILON);
            // Nobody else holds them, so that they may be changed where they are.
            weights = weights + 1.0;
        }
    }

    #[test]
    fn what_is_gone_is_not_kept() {
        let weights = Tensor::<2>::ones([7, 11], &Device::flex());
        let kernel = Arc::downgrade(&laid_out(&weights, &[1.0; 11]));
        assert!(kernel.upgrade().is_some());
        drop(weights);
        laid_out(&Tensor::ones([2, 2], &Device::flex()), &[1.0; 2]);
        assert!(kernel.upgrade().is_none());
    }
}
