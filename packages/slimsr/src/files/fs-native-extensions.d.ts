declare module "fs-native-extensions" {
  /**
   * Locks an open file until it is closed.
   * @returns false where another has it locked
   * @throws the system's error where the file system takes no locks
   */
  export function tryLock(descriptor: number): boolean;
}
