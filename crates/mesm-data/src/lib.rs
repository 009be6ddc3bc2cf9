//! Media on disk to the raw inputs of the models: RGB frames at chosen times, face crops, mono 16 kHz samples and words.
//!
//! [`clip`] decodes any file the `ffmpeg` program reads, in windows and in bounded memory; [`window_folder`] reads a
//! window that was exported as pictures, samples and words.
//!
//! [`features`] reads what other programs have made of media: word vectors, action units, tables of numbers.
//!
//! For training, [`manifest`] takes a data set into a [`store`] once, [`corpus`] those of the papers; [`compose`] chooses
//! the rows of an epoch, [`media`] decodes them and [`augment`] varies them, all random numbers by [`seed`]. None of them
//! knows a model.
#![forbid(unsafe_code)]

pub mod augment;
pub mod clip;
pub mod compose;
pub mod corpus;
pub mod features;
pub mod manifest;
pub mod media;
pub mod seed;
pub mod store;
mod table;
pub mod window_folder;
