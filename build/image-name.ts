/** What the controller's image is called on the machine that has built it. No registry is assumed. */
export const localImage = "localhost/kubectl-canary";
