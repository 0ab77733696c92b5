// Package mutants plants bugs, one at a time, and demands that a test catches each: a test that nothing can make fail
// proves nothing. The bugs are in testdata, each a file that says what is changed where, why that matters, and by which
// tests it is caught. make mutants runs them; the sources are not touched.
package mutants
