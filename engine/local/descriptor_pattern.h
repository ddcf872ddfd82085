// The comparisons that describe a place.
#pragma once

#include "engine/local/descriptor.h"

namespace vigie {

// Chosen by a greedy search, as Rublee et al. 2011 choose theirs, over 30 000 corners of
// photographs: among 2500 seeded pairs of points (normally distributed around the middle), those
// whose answer is as often yes as no come first, and a pair is taken when its answers, and those of
// the same pair upside down, correlate with no earlier one's by more than 0.6. Pairs whose answers
// rarely change under jitter and compression were tried and are worse: docs/decisions/0022.
// Their order is one in which neighbours' answers have as little as possible to do with each other
// (annealed): the index looks up 16 to 21 neighbouring bits at once, and in the order of the search
// 2000 times as many descriptors share these as if they were random; now 50 times.
// Changing a number makes stored fingerprints useless: raise kLocalVersion.
inline constexpr PointPair kDescriptorPattern[128] = {
    {1, 8, 3, -5},    {0, 2, 7, 11},      {0, -9, 0, 5},     {-1, -3, -4, 12},   {-3, -1, -3, -6},
    {6, 2, 5, -12},   {-9, -6, -3, 4},    {-3, -9, 0, -7},   {11, 1, 6, -6},     {-1, 10, 2, 9},
    {-7, -1, -10, 9}, {-2, -9, 2, -13},   {-5, 7, -2, 10},   {-12, -4, -8, -11}, {9, 7, 8, -2},
    {6, 0, 9, -4},    {4, -11, 8, -3},    {-6, 3, -4, 7},    {11, 8, 7, 4},      {-13, 5, -6, -6},
    {1, 3, 2, -1},    {1, -4, 7, 11},     {-3, 6, 0, -10},   {-4, 10, -3, 6},    {1, -5, 1, 0},
    {1, 3, 3, 6},     {-5, -3, -8, -3},   {-6, -4, -4, 2},   {7, -4, 8, 0},      {3, -7, 0, 14},
    {-7, 5, -6, 0},   {5, -12, 3, 9},     {-4, 11, 1, 3},    {-6, -4, -7, -10},  {-11, -5, -8, 10},
    {-2, 11, -1, -7}, {-1, -13, -4, -10}, {3, 7, 9, 3},      {10, 8, 5, -8},     {6, -7, 3, -11},
    {8, -10, 7, -4},  {8, -4, 5, -3},     {-3, -9, -7, 2},   {-4, 12, -4, 9},    {3, -8, 0, 5},
    {2, -2, 4, 4},    {4, 7, 4, 4},       {-3, 4, -12, 6},   {1, -8, 1, -3},     {10, 1, 12, -2},
    {-2, -3, -3, 1},  {-2, 5, 2, 12},     {0, 1, -4, -7},    {-8, 8, -4, -11},   {-10, -1, -10, 6},
    {-9, -8, -4, -2}, {-5, 12, -7, -4},   {-3, 12, 1, -9},   {3, 6, 8, 9},       {3, -11, 4, 7},
    {8, -2, 11, 1},   {10, -2, 7, -11},   {-11, -7, -7, -9}, {2, -13, 3, -8},    {8, -9, 10, 5},
    {-6, -4, -2, -6}, {1, -2, 4, 1},      {3, -5, 5, 9},     {5, -5, 5, -1},     {5, 5, 7, 2},
    {4, -9, 7, -8},   {-1, 9, -2, 4},     {2, -3, -1, 10},   {-2, -4, -1, 1},    {-2, -2, -5, 2},
    {-6, 1, -6, -9},  {-5, -2, -4, 5},    {-9, 0, -13, 4},   {2, 7, 5, 11},      {-6, 9, -2, 6},
    {-6, 6, -5, 3},   {-2, -3, 0, -6},    {-8, 11, -5, -5},  {-8, 8, -5, 12},    {-6, -12, -2, 7},
    {13, 1, 11, -4},  {-8, -6, -4, -8},   {4, -1, 8, 2},     {6, 5, 2, -6},      {6, 8, 7, 2},
    {11, 6, 7, 6},    {7, -2, 9, -7},     {5, -13, 5, -7},   {0, 12, 0, 4},      {-2, 5, 1, -5},
    {-2, -2, -5, -6}, {1, -9, 4, -5},     {4, -10, 7, 6},    {2, -2, 3, 9},      {-1, 8, 4, -13},
    {-7, 6, -12, 7},  {-1, 1, 2, -7},     {-3, 4, -4, 8},    {-8, 3, -5, -5},    {-1, 5, -5, -9},
    {-4, 9, -1, 10},  {-6, -6, -5, -10},  {-8, 11, -9, -1},  {-8, -10, -3, -8},  {11, 8, 11, 4},
    {3, -4, 6, -4},   {8, -7, 4, 3},      {11, -5, 11, 0},   {0, 13, 2, 10},     {8, 10, 9, 7},
    {-7, -7, -8, -4}, {-10, -4, -6, 1},   {9, 9, 4, -12},    {4, 3, 5, -1},      {5, -11, 4, -4},
    {6, 7, 4, 2},     {-1, 9, 2, -8},     {-1, 6, -1, 3},    {3, -8, 6, 1},      {-2, -9, -2, 3},
    {-7, 6, -4, 5},   {-5, 7, -3, -13},   {-5, 8, -4, -4},
};

}  // namespace vigie
