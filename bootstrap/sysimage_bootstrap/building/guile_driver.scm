;;; Compiles one Guile program. Not loaded by the system: the Guile whose bytecode is wanted runs this file.
;;; usage: guile guile_driver.scm DIRECTORY NAME, for DIRECTORY/NAME.scm and DIRECTORY/NAME.go
;;;
;;; The file is named from within its directory, so that no path of this machine gets into the bytecode. What the program
;;; does not define or import is looked for when it runs, in the module that has loaded it.

(use-modules (system base compile) (ice-9 match))

(match (command-line)
  ((_ directory name)
   (chdir directory)
   (compile-file (string-append name ".scm") #:output-file (string-append name ".go") #:warning-level 0)))
