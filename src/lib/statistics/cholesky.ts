/** Cholesky's factor of a symmetric positive definite matrix, and what it solves. Pure. */

/** L with L·Lᵀ = the matrix, of which the lower half is read (Golub and Van Loan, Matrix Computations, 2013, section 4.2.5). Throws RangeError for one that is not positive definite. */
export function cholesky(matrix: Float64Array, width: number): Float64Array {
  const factor = new Float64Array(width * width)
  for (let row = 0; row < width; row += 1) {
    for (let column = 0; column <= row; column += 1) {
      let sum = matrix[row * width + column] ?? 0
      for (let at = 0; at < column; at += 1)
        sum -= (factor[row * width + at] ?? 0) * (factor[column * width + at] ?? 0)
      if (row !== column) factor[row * width + column] = sum / (factor[column * width + column] ?? 1)
      else if (sum > 0) factor[row * width + row] = Math.sqrt(sum)
      else throw new RangeError(`The matrix is not positive definite at row ${row}.`)
    }
  }
  return factor
}

/** x with L·Lᵀ·x = the values. */
export function solve(factor: Float64Array, values: Float64Array): Float64Array {
  const width = values.length
  const x = Float64Array.from(values)
  for (let row = 0; row < width; row += 1) {
    let sum = x[row] ?? 0
    for (let at = 0; at < row; at += 1) sum -= (factor[row * width + at] ?? 0) * (x[at] ?? 0)
    x[row] = sum / (factor[row * width + row] ?? 1)
  }
  for (let row = width - 1; row >= 0; row -= 1) {
    let sum = x[row] ?? 0
    for (let at = row + 1; at < width; at += 1) sum -= (factor[at * width + row] ?? 0) * (x[at] ?? 0)
    x[row] = sum / (factor[row * width + row] ?? 1)
  }
  return x
}
